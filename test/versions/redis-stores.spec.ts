import { randomUUID } from 'node:crypto';
import { FORMATS } from '../../src/core/messaging/ports/formats.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { RedisIdempotencyStore } from '../../src/infrastructure/services/redis/redis-idempotency.store.js';
import { deadLetter } from '../support/dead-letter-desk.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { raised } from './raised.js';

let server: RedisServer;
let closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  closing = [];
});

async function opened() {
  const options = redisOptionsSchema.parse({ url: server.url, keyPrefix: `${randomUUID()}:` });
  const Newer = await raised(async () => ({
    ...(await import('../../src/infrastructure/services/redis/redis-dead-letter.store.js')),
    ...(await import('../../src/infrastructure/services/redis/redis-idempotency.store.js')),
  }));
  const stores = {
    letters: new RedisDeadLetterStore(options),
    newerLetters: new Newer.RedisDeadLetterStore(options),
    claims: new RedisIdempotencyStore(options),
    newerClaims: new Newer.RedisIdempotencyStore(options),
  };
  for (const store of Object.values(stores)) {
    await store.connect();
    closing.push(() => store.close());
  }
  return { ...stores, options };
}

const CODES = [{ code: 'newer_format' }];

describe('dead letters of a newer version in Redis', () => {
  it('are neither shown nor changed, and are reported; both versions work', async () => {
    const { letters, newerLetters } = await opened();
    const ours = await letters.add(deadLetter(1, 1_000));
    const newer = await newerLetters.add(deadLetter(2, 2_000));
    expect(letters.problems()).toEqual([]);
    expect((await letters.list({}, { limit: 10 })).items.map(({ id }) => id)).toEqual([ours]);
    expect(letters.problems()).toMatchObject(CODES);
    await expect(letters.find(newer)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(letters.discard(newer)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(letters.transition(newer, ['failed'], 'archived')).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await letters.groups({}, 10)).toHaveLength(1);
    const shown = (await newerLetters.list({}, { limit: 10 })).items;
    expect(shown.map(({ id, status }) => [id, status]).sort()).toEqual(
      [
        [ours, 'failed'],
        [newer, 'failed'],
      ].sort(),
    );
    expect(newerLetters.problems()).toEqual([]);
    expect(await newerLetters.discard(ours)).toBe(true);
  });

  it('are kept beside one of this version of the same message', async () => {
    const { letters, newerLetters } = await opened();
    const newer = await newerLetters.add(deadLetter(3, 3_000));
    const ours = await letters.add(deadLetter(3, 3_000));
    expect(ours).not.toBe(newer);
    expect((await newerLetters.list({}, { limit: 10 })).items).toHaveLength(2);
    expect((await newerLetters.find(newer))?.status).toBe('failed');
  });
});

describe('claims of a newer version in Redis', () => {
  it('stay, so that the message comes again, and are reported', async () => {
    const { claims, newerClaims, options } = await opened();
    const claim = await newerClaims.begin('m', 5_000);
    if (claim.kind !== 'fresh') throw new Error('it was not fresh');
    const busy = await claims.begin('m', 1_000);
    expect(busy).toEqual({ kind: 'busy', retryAfterMs: 1_000 });
    expect(claims.problems()).toMatchObject(CODES);
    await newerClaims.complete('m', claim.token, 60_000);
    expect((await claims.begin('m', 1_000)).kind).toBe('busy');
    await claims.release('m', claim.token);
    await claims.complete('m', claim.token, 0);
    expect((await newerClaims.begin('m', 1_000)).kind).toBe('done');
    expect(await server.command('GET', `${options.keyPrefix}handled:m`)).toBe(`${FORMATS.claim + 1}:done`);
  });

  it('of this version are known to the newer one, and so are those without a number', async () => {
    const { claims, newerClaims, options } = await opened();
    const claim = await claims.begin('m', 5_000);
    if (claim.kind !== 'fresh') throw new Error('it was not fresh');
    await claims.complete('m', claim.token, 60_000);
    expect((await newerClaims.begin('m', 1_000)).kind).toBe('done');
    await server.command('SET', `${options.keyPrefix}handled:old`, 'done', 'PX', '60000');
    expect((await claims.begin('old', 1_000)).kind).toBe('done');
  });
});
