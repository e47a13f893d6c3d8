import type { Bench } from '../harness.js';
import { type InPlace, measureGrowth } from '../memory-growth.js';
import { measureDrain } from './drain.js';
import { measureLatency } from './latency.js';
import { inDirectory, transportIn } from './place.js';
import { measurePublish } from './publish.js';

const inFolder: InPlace = (run) => inDirectory((directory) => run(() => transportIn(directory)));

/** The embedded transport through a whole application, against lmdb alone. */
export const embedded: Bench = {
  // Memory first: what the others leave behind would hide how much it grows.
  run: async (options) => [
    ...(await measureGrowth('embedded', inFolder, options)),
    ...(await measurePublish(options)),
    ...(await measureDrain(options)),
    ...(await measureLatency(options)),
  ],
};
