import type { Bench } from '../harness.js';
import { type InPlace, measureGrowth } from '../memory-growth.js';
import { measureDrain } from './drain.js';
import { measureLatency } from './latency.js';
import { measurePublish } from './publish.js';
import { measureRequests } from './requests.js';
import { clear, newPlace, newTransport, stopServer } from './servers.js';

const inPlace: InPlace = async (run) => {
  const place = newPlace('quorum');
  await run(() => newTransport(place));
  await clear(place);
};

/** The RabbitMQ transport through a whole application, against the client alone on the same node. */
export const rabbitmq: Bench = {
  run: async (options) => {
    try {
      return [
        // First: what the others leave behind would hide how much it grows.
        ...(await measureGrowth('rabbitmq', inPlace, options)),
        ...(await measurePublish(options)),
        ...(await measureDrain(options)),
        ...(await measureLatency(options)),
        ...(await measureRequests(options)),
      ];
    } finally {
      await stopServer();
    }
  },
};
