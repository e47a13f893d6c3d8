import { holdsUnderNemesis } from './nemesis-suite.js';

holdsUnderNemesis('kafka');
