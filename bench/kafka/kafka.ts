import type { Bench } from '../harness.js';
import { type InPlace, measureGrowth } from '../memory-growth.js';
import { measureDrain } from './drain.js';
import { measureLatency } from './latency.js';
import { measurePublish } from './publish.js';
import { newPlace, newTransport, stopServer } from './servers.js';

const inPlace: InPlace = async (run) => {
  const place = newPlace();
  await run(() => newTransport(place));
};

/** The Kafka transport through a whole application, against the client alone on the same broker. */
export const kafka: Bench = {
  run: async (options) => {
    try {
      return [
        // First: what the others leave behind would hide how much it grows.
        ...(await measureGrowth('kafka', inPlace, options)),
        ...(await measurePublish(options)),
        ...(await measureDrain(options)),
        ...(await measureLatency(options)),
      ];
    } finally {
      await stopServer();
    }
  },
};
