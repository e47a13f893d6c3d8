import { join } from 'node:path';
import type { Delivery, TransportContext } from '../../src/core/messaging/ports/transport.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import {
  EmbeddedDeadLetterStore,
  EmbeddedIdempotencyStore,
  embeddedOptionsSchema,
  EmbeddedTransport,
} from '../../src/exports/embedded.js';
import { spooledOptionsSchema, SpooledTransport } from '../../src/exports/failover.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { memoryTransport } from '../support/messaging-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { describeTakeover } from './takeover.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

const contextOf = (name: string): TransportContext => ({
  name,
  clock: systemClock,
  onEvent: () => undefined,
});
const embedded = (given: object): EmbeddedTransport =>
  new EmbeddedTransport(embeddedOptionsSchema.parse(given), contextOf('main'));

describe('the embedded log and its spool', () => {
  const directory = join(data.path, 'stores');
  const options = () => ({ directory: join(data.path, 'log') });
  describeTakeover({
    kind: 'embedded',
    options,
    stores: () => ({ directory }),
    open: embedded,
    openStores: () => ({
      deadLetters: new EmbeddedDeadLetterStore({ directory: join(directory, 'letters') }),
      idempotency: new EmbeddedIdempotencyStore({ directory: join(directory, 'claims') }),
    }),
    further: async (given) => {
      const inner = memoryTransport('broker');
      const parts = { transport: inner, spool: embedded(given) };
      const spooled = new SpooledTransport(parts, spooledOptionsSchema.parse({}), contextOf('spooled'));
      const seen: Delivery[] = [];
      await spooled.connect();
      await spooled.consume(
        { topic: 'spooled', group: 'g', ordering: 'key', concurrency: 4 },
        async (delivery) => {
          seen.push(delivery);
          return { kind: 'ack' };
        },
      );
      await waitUntil('what was spooled is forwarded', async () => seen.length >= 4, 30_000);
      expect(seen.map(({ message }) => message.id)).toEqual([0, 1, 2, 3].map((nth) => `spooled-${nth}`));
      await spooled.close();
    },
  });
});
