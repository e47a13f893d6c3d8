import { oldRedisServer } from '../support/brokers/old-redis.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { redisConformance } from './redis-suite.js';
import { describeTransport } from './transport-suite.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis({ program: oldRedisServer('6.2') });
}, 60_000);
afterAll(() => server.stop());

it('is of the oldest series that is supported', async () => {
  expect(String(await server.command('INFO', 'server'))).toMatch(/redis_version:6\.2\./);
});

describeTransport(
  'Redis 6.2',
  redisConformance({
    options: () => ({ url: server.url }),
    kill: () => server.kill(),
    restore: async () => {
      if (!server.process.isRunning) await server.restart();
    },
  }),
);
