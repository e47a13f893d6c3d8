import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { redisConformance } from './redis-suite.js';
import { describeTransport } from './transport-suite.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());

describeTransport(
  'Redis',
  redisConformance({
    options: () => ({ url: server.url }),
    url: () => server.url,
    kill: () => server.kill(),
    restore: async () => {
      if (!server.process.isRunning) await server.restart();
    },
  }),
);
