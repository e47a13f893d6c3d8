import { holdsUnderNemesis } from './nemesis-suite.js';

holdsUnderNemesis('redis');
