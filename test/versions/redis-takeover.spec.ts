import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { RedisIdempotencyStore } from '../../src/infrastructure/services/redis/redis-idempotency.store.js';
import { redisBench } from '../faults/redis-bench.js';
import { closeAll } from '../faults/transport-bench.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeTakeover } from './takeover.js';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());
afterEach(() => closeAll());

describe('Redis', () => {
  const options = () => ({ url: server.url, keyPrefix: 'taken:', leaseMs: 1_500 });
  describeTakeover({
    kind: 'redis',
    options,
    stores: options,
    open: (given) => redisBench(given).transport,
    openStores: (given) => ({
      deadLetters: new RedisDeadLetterStore(redisOptionsSchema.parse(given)),
      idempotency: new RedisIdempotencyStore(redisOptionsSchema.parse(given)),
    }),
  });
});
