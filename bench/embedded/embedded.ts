import type { Bench } from '../harness.js';
import { measureDrain } from './drain.js';
import { measureLatency } from './latency.js';
import { measureMemory } from './memory-growth.js';
import { measurePublish } from './publish.js';

/** The embedded transport through a whole application, against lmdb alone. */
export const embedded: Bench = {
  // Memory first: what the others leave behind would hide how much it grows.
  run: async (options) => [
    ...(await measureMemory(options)),
    ...(await measurePublish(options)),
    ...(await measureDrain(options)),
    ...(await measureLatency(options)),
  ],
};
