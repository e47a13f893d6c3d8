import { systemClock } from '../../src/core/messaging/index.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeDatabaseOutage } from './database-outage.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());

describeDatabaseOutage('Redis', async (keyPrefix) => {
  const options = redisOptionsSchema.parse({ url: server.url, keyPrefix: `${keyPrefix}:` });
  return new RedisTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined });
});
