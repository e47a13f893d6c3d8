import { ControlWatch } from '../../src/core/messaging/control/control-watch.js';
import type { ControlStore } from '../../src/core/messaging/ports/control-store.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { RedisControlStore } from '../../src/infrastructure/services/redis/redis-control.store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { describeControlStore } from './control-store.js';
import { onRedis } from './redis-stores.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());

describeControlStore('Redis', {
  ...onRedis<ControlStore>(
    () => ({ url: server.url }),
    (options, clock) => new RedisControlStore(options, { clock }),
  ),
  keepsOwnTime: true,
});

describe('a Redis server that goes away', () => {
  const open = async (): Promise<RedisControlStore> => {
    const store = new RedisControlStore(
      redisOptionsSchema.parse({ url: server.url, keyPrefix: 'switchyard:away:', commandTimeoutMs: 1_000 }),
    );
    await store.connect();
    return store;
  };

  it('is an error with a code within the time of a command, and the watch misses no change', async () => {
    const [store, other] = [await open(), await open()];
    const seen = new Map<string, string | undefined>();
    const troubles: string[] = [];
    const watch = new ControlWatch(store, 'w/', systemClock, {
      changed: (key, entry) => void seen.set(key, entry?.value),
      failed: (error) => void troubles.push((error as { code: string }).code),
      recovered: () => void troubles.push('recovered'),
    });
    await store.put('w/a', '1');
    await store.put('w/b', '1');
    await watch.start();
    server.pause();
    const began = performance.now();
    for (const call of [store.put('w/a', '2'), store.get('w/a'), store.delete('w/a'), store.changes('', 0)])
      await expect(call).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(performance.now() - began).toBeLessThan(5_000);
    await waitUntil('the watch reports the outage', async () => troubles.length > 0, 10_000);
    server.resume();
    await waitUntil(
      'the server is back',
      async () => (await other.put('w/c', '1')).kind === 'written',
      10_000,
    );
    await other.put('w/a', '3');
    await other.delete('w/b');
    const expected = [undefined, '1', '3'];
    const isSeen = async (): Promise<boolean> =>
      ['w/b', 'w/c', 'w/a'].every((key, nth) => seen.get(key) === expected[nth]);
    await waitUntil('the changes are seen', isSeen, 15_000);
    expect(troubles).toEqual(['STORE_UNAVAILABLE', 'recovered']);
    watch.stop();
    await Promise.all([store.close(), other.close()]);
  }, 60_000);

  it('and comes back without its data: what is gone is a change, and no revision is given again', async () => {
    const store = await open();
    const seen = new Map<string, string | undefined>();
    const watch = new ControlWatch(store, 'w/', systemClock, {
      changed: (key, entry) => void seen.set(key, entry?.value),
      failed: () => undefined,
      recovered: () => undefined,
    });
    const before = await store.put('w/d', '1');
    await watch.start();
    await server.command('FLUSHALL');
    const after = await store.put('w/e', '1');
    await waitUntil('the new entry is seen', async () => seen.get('w/e') === '1', 10_000);
    expect(seen.get('w/d')).toBeUndefined();
    expect(after.entry?.revision).toBeGreaterThan(before.entry?.revision ?? Infinity);
    watch.stop();
    await store.close();
  }, 60_000);
});
