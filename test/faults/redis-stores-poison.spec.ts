import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { RedisIdempotencyStore } from '../../src/infrastructure/services/redis/redis-idempotency.store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { deadLetter } from '../support/dead-letter-desk.js';

const BASE = 'stores:{dead-letters}:';
let server: RedisServer;
let deadLetters: RedisDeadLetterStore;
let idempotency: RedisIdempotencyStore;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());
beforeEach(async () => {
  await server.command('FLUSHALL');
  const options = redisOptionsSchema.parse({ url: server.url, keyPrefix: 'stores:' });
  deadLetters = new RedisDeadLetterStore(options);
  idempotency = new RedisIdempotencyStore(options);
  await Promise.all([deadLetters.connect(), idempotency.connect()]);
});
afterEach(async () => {
  await Promise.all([deadLetters.close(), idempotency.close()]);
});

const letterOf = (id: string): string => `${BASE}letter:${id}`;

describe('foreign data in the keys of the dead letters', () => {
  const SPOILT: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
    'a summary that is no JSON': (id) => server.command('HSET', letterOf(id), 'summary', '{'),
    'a hash without its fields': (id) =>
      server.command('HDEL', letterOf(id), 'summary', 'at', 'status', 'topic'),
    'times and counts that are no numbers': (id) =>
      server.command(
        'HSET',
        letterOf(id),
        'summary',
        '',
        'at',
        'nan',
        'revision',
        'x',
        'replayCount',
        'inf',
        'attempts',
        'x',
      ),
    'a key of another type': async (id) => {
      await server.command('DEL', letterOf(id));
      await server.command('SADD', letterOf(id), 'foreign');
    },
    'no hash at all': (id) => server.command('DEL', letterOf(id)),
    'members that no dead letter has': async () => {
      for (const index of ['all', 'by:topic', 'by:status', 'stock', 'groups'])
        for (const [score, member] of [
          [0, 'rubbish'],
          [5, 'aaa'],
          ['-inf', 'zzz'],
        ] as const)
          await server.command('ZADD', `${BASE}${index}`, score, member);
    },
  };

  it.each(Object.entries(SPOILT))('such as %s hides no other dead letter', async (name, spoil) => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.push(await deadLetters.add(deadLetter(n, systemClock.now())));
    await spoil(ids[2]!); // the newest, which stands for its group
    const isWhole = name.startsWith('members');
    const others = isWhole ? ids : [ids[0], ids[1]];
    const { topic } = deadLetter(0, 0);
    for (const filter of [{}, { topic }, { status: 'failed' as const, topic }, { minAttempts: 0 }]) {
      const { items } = await deadLetters.list(filter, { limit: 10 });
      expect(items.map(({ id }) => id).sort()).toEqual([...others].sort());
    }
    expect(await deadLetters.count({ topic })).toBeGreaterThanOrEqual(others.length);
    expect((await deadLetters.stats()).length).toBeGreaterThan(0);
    expect((await deadLetters.groups({}, 10)).length).toBeGreaterThan(0);
    expect(await deadLetters.find(ids[0]!)).toMatchObject({ id: ids[0] });
    await deadLetters.find(ids[2]!); // does not reject
    for (const id of others) {
      expect(await deadLetters.transition(id!, ['failed'], 'archived')).toMatchObject({ status: 'archived' });
      expect(await deadLetters.discard(id!)).toBe(true);
    }
    await deadLetters.discard(ids[2]!);
  });
});

describe('foreign data in the place of a claim', () => {
  it.each(['x', 'done'])('such as %j without an end does not stop its message', async (value) => {
    await server.command('SET', 'stores:handled:a', value);
    expect(await idempotency.begin('a', 5_000)).toMatchObject({ kind: 'fresh' });
  });

  it('with an end in many years has the message looked at again after a lease', async () => {
    await server.command('SET', 'stores:handled:a', 'x', 'PX', 1e15);
    expect(await idempotency.begin('a', 5_000)).toEqual({ kind: 'busy', retryAfterMs: 5_000 });
  });

  it('of another type is an error that names it, and other messages are claimed', async () => {
    await server.command('SADD', 'stores:handled:a', 'x');
    await expect(idempotency.begin('a', 5_000)).rejects.toThrow('WRONGTYPE');
    expect(await idempotency.begin('b', 5_000)).toMatchObject({ kind: 'fresh' });
  });
});
