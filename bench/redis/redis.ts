import { randomUUID } from 'node:crypto';
import type { Bench } from '../harness.js';
import { type InPlace, measureGrowth } from '../memory-growth.js';
import { measureDrain } from './drain.js';
import { measureDeadLetters } from './dead-letters.js';
import { measureLatency } from './latency.js';
import { measurePublish } from './publish.js';
import { measureRequests } from './requests.js';
import { emptyServer, newTransport, stopServer } from './servers.js';

const inPrefix: InPlace = async (run) => {
  const prefix = `${randomUUID()}:`;
  await run(() => newTransport(prefix));
  await emptyServer();
};

/** The Redis transport through a whole application, against the client alone on the same server. */
export const redis: Bench = {
  run: async (options) => {
    try {
      return [
        // First: what the others leave behind would hide how much it grows.
        ...(await measureGrowth('redis', inPrefix, options)),
        ...(await measurePublish(options)),
        ...(await measureDrain(options)),
        ...(await measureLatency(options)),
        ...(await measureRequests(options)),
        ...(await measureDeadLetters(options)),
      ];
    } finally {
      await stopServer();
    }
  },
};
