import { storedBytesOf } from '../../src/core/messaging/ports/dead-letter-filter.js';
import type { DeadLetterUsage, NewDeadLetter } from '../../src/core/messaging/ports/dead-letter-store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { deadLetter, several } from '../conformance/dead-letters/letters.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';

/** The count of the dead letters and of their bytes, whatever else changes them. */
const BASE = 'stores:{dead-letters}:';
const USAGE = `${BASE}usage`;
const FULL = { code: 'STORE_FULL' };
let server: RedisServer;
let stores: readonly RedisDeadLetterStore[];

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());
beforeEach(async () => {
  await server.command('FLUSHALL');
  const options = redisOptionsSchema.parse({ url: server.url, keyPrefix: 'stores:' });
  stores = Array.from({ length: 3 }, () => new RedisDeadLetterStore(options));
  await Promise.all(stores.map((store) => store.connect()));
});
afterEach(() => Promise.all(stores.map((store) => store.close())));

const [a, b, c] = [0, 1, 2].map((nth) => () => stores[nth]!) as [
  () => RedisDeadLetterStore,
  () => RedisDeadLetterStore,
  () => RedisDeadLetterStore,
];
const heldBy = (...letters: readonly NewDeadLetter[]): DeadLetterUsage => ({
  count: letters.length,
  bytes: letters.reduce((sum, one) => sum + storedBytesOf(one), 0),
});

it('several processes share one count, and one of them alone gets the last place', async () => {
  const letters = several(30);
  const results = await Promise.allSettled(
    letters.map((one, nth) => stores[nth % 3]!.add(one, { maxCount: 20 })),
  );
  const kept = letters.filter((_, nth) => results[nth]?.status === 'fulfilled');
  expect(kept).toHaveLength(20);
  for (const store of stores) expect(await store.usage()).toEqual(heldBy(...kept));
});

it('what an earlier version adds and removes without the count is counted again', async () => {
  const [own, older, removed] = [deadLetter(), deadLetter({ body: Buffer.alloc(900) }), deadLetter()];
  for (const one of [own, older, removed]) await a().add(one);
  await server.command('DEL', USAGE); // as if all had been written by it
  expect(await a().usage()).toEqual(heldBy(own, older, removed));
  for (const key of ['all', 'by:status', 'stock', 'groups'])
    await server.command('ZREM', `${BASE}${key}`, removed.id);
  await server.command('DEL', `${BASE}letter:${removed.id}`, `${BASE}body:${removed.id}`);
  expect(await b().usage()).toEqual(heldBy(own, older));
  await expect(b().add(deadLetter(), { maxBytes: heldBy(own, older).bytes })).rejects.toMatchObject(FULL);
});

it('a spoilt count hinders nothing and is made again', async () => {
  const letters = several(3);
  await a().add(letters[0]!);
  await server.command('DEL', USAGE);
  await server.command('SADD', USAGE, 'foreign');
  await a().add(letters[1]!);
  expect(await b().usage()).toEqual(heldBy(...letters.slice(0, 2)));
  for (const field of ['count', 'bytes', 'countedAt']) await server.command('HSET', USAGE, field, 'x');
  expect(await b().usage()).toEqual(heldBy(...letters.slice(0, 2)));
  await server.command('HSET', USAGE, 'bytes', 'x');
  await a().add(letters[2]!);
  expect(await b().usage()).toEqual(heldBy(...letters));
  await a().discard(letters[2]!.id);
  await server.command('DEL', USAGE);
  await server.command('SADD', USAGE, 'foreign');
  await a().discard(letters[0]!.id);
  expect(await b().usage()).toEqual(heldBy(letters[1]!));
});

it('counting again while others add and discard ends with what is there', async () => {
  const letters = several(3_500);
  for (let nth = 0; nth < letters.length; nth += 100)
    await Promise.all(letters.slice(nth, nth + 100).map((one) => a().add(one)));
  await server.command('HSET', USAGE, 'bytes', '7');
  await server.command('HDEL', USAGE, 'countedAt');
  const later = several(200, { body: Buffer.alloc(300) });
  const gone = letters.filter((_, nth) => nth % 10 === 0);
  await Promise.all([
    a().usage(),
    b().usage(),
    ...later.map((one) => c().add(one)),
    ...gone.map(({ id }) => c().discard(id)),
  ]);
  const left = [...letters.filter((_, nth) => nth % 10 !== 0), ...later];
  expect(await c().usage()).toEqual(heldBy(...left));
}, 60_000);
