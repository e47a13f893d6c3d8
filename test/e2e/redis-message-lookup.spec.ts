import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/core/messaging/index.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeLookup } from '../support/lookup-suite.js';

let redis: RedisServer;
beforeAll(async () => (redis = await startRedis()), 60_000);
afterAll(() => redis.stop());

describeLookup('Redis', async () => {
  const options = redisOptionsSchema.parse({ url: redis.url, keyPrefix: `${randomUUID()}:` });
  return {
    transports: [new RedisTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined })],
    deadLetters: new RedisDeadLetterStore(options),
  };
});
