import { randomUUID } from 'node:crypto';
import { redisBench } from '../faults/redis-bench.js';
import { type Bench, closeAll } from '../faults/transport-bench.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { raised } from './raised.js';
import { describeSideBySide } from './side-by-side.js';

let server: RedisServer;
let keyPrefix: string;
let closeNewer = (): Promise<void> => Promise.resolve();

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());
beforeEach(() => (keyPrefix = `${randomUUID()}:`));
afterEach(async () => {
  await Promise.all([closeAll(), closeNewer()]);
}, 60_000);

async function connected(make: () => Bench<Transport>): Promise<Bench<Transport>> {
  const made = make();
  await made.transport.connect();
  return made;
}

describe('two versions on one Redis', () => {
  describeSideBySide({
    older: () => connected(() => redisBench({ url: server.url, keyPrefix })),
    newer: async () => {
      const [bench, benches] = await raised(async () => [
        (await import('../faults/redis-bench.js')).redisBench,
        await import('../faults/transport-bench.js'),
      ]);
      closeNewer = benches.closeAll;
      return connected(() => bench({ url: server.url, keyPrefix }));
    },
  });
});
