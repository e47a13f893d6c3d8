import { randomUUID } from 'node:crypto';
import type { DeadLetterStore } from '../../src/core/messaging/ports/dead-letter-store.js';
import type { IdempotencyStore } from '../../src/core/messaging/ports/idempotency-store.js';
import type { Clock } from '../../src/core/messaging/ports/transport.js';
import {
  type RedisOptions,
  redisOptionsSchema,
} from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { RedisIdempotencyStore } from '../../src/infrastructure/services/redis/redis-idempotency.store.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeDeadLetterStore } from './dead-letter-store.js';
import { describeIdempotencyStore } from './idempotency-store.js';
import type { StoreOptions } from './store-suite.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());

function onServer<TStore extends { close(): Promise<void> }>(
  open: (options: RedisOptions, clock: Clock) => TStore,
): StoreOptions<TStore> {
  const places = new Map<object, RedisOptions>();
  const remember = (options: RedisOptions, clock: Clock): TStore => {
    const store = open(options, clock);
    places.set(store, options);
    return store;
  };
  return {
    create: async (clock) =>
      remember(redisOptionsSchema.parse({ url: server.url, keyPrefix: `${randomUUID()}:` }), clock),
    reopen: async (store, clock) => {
      await store.close();
      return remember(places.get(store)!, clock);
    },
  };
}

describeDeadLetterStore(
  'Redis',
  onServer<DeadLetterStore>((options, clock) => new RedisDeadLetterStore(options, { clock })),
);
describeIdempotencyStore('Redis', {
  ...onServer<IdempotencyStore>((options) => new RedisIdempotencyStore(options)),
  keepsOwnTime: true,
});
