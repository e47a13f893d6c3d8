import { holdsUnderNemesis } from './nemesis-suite.js';

holdsUnderNemesis('spooled');
