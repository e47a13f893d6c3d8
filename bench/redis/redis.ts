import type { Bench } from '../harness.js';
import { measureDrain } from './drain.js';
import { measurePublish } from './publish.js';
import { stopServer } from './servers.js';

/** The Redis transport through a whole application, against the client alone on the same server. */
export const redis: Bench = {
  run: async (options) => {
    try {
      return [...(await measurePublish(options)), ...(await measureDrain(options))];
    } finally {
      await stopServer();
    }
  },
};
