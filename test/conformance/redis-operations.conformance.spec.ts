import { randomUUID } from 'node:crypto';
import { RedisControlStore } from '../../src/infrastructure/services/redis/redis-control.store.js';
import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeOperations } from './operations.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());

describeOperations('Redis', async () => {
  const options = redisOptionsSchema.parse({ url: server.url, keyPrefix: `switchyard:${randomUUID()}:` });
  return { control: new RedisControlStore(options), letters: new RedisDeadLetterStore(options) };
});
