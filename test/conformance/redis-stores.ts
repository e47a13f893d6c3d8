import { randomUUID } from 'node:crypto';
import type { DeadLetterStore } from '../../src/core/messaging/ports/dead-letter-store.js';
import type { Clock } from '../../src/core/messaging/ports/transport.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import {
  type RedisOptions,
  redisOptionsSchema,
} from '../../src/infrastructure/services/redis/redis.options.js';
import { describeDeadLetterStore } from './dead-letter-store.js';
import type { StoreOptions } from './store-suite.js';

/** Stores on these servers, each with keys of its own below `switchyard:`. */
export function onRedis<TStore extends { close(): Promise<void> }>(
  servers: () => object,
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
      remember(redisOptionsSchema.parse({ ...servers(), keyPrefix: `switchyard:${randomUUID()}:` }), clock),
    reopen: async (store, clock) => {
      await store.close();
      return remember(places.get(store)!, clock);
    },
  };
}

export function describeRedisDeadLetters(name: string, servers: () => object): void {
  describeDeadLetterStore(
    name,
    onRedis<DeadLetterStore>(servers, (options, clock) => new RedisDeadLetterStore(options, { clock })),
  );
}
