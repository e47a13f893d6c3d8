import { VALKEY_SERVER } from '../support/brokers/debian-13.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { redisConformance } from './redis-suite.js';
import { describeTransport } from './transport-suite.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis({ program: VALKEY_SERVER });
}, 60_000);
afterAll(() => server.stop());

it('is Valkey 8.1', async () => {
  expect(String(await server.command('INFO', 'server'))).toMatch(/valkey_version:8\.1\./);
});

describeTransport(
  'Valkey 8.1',
  redisConformance({
    options: () => ({ url: server.url }),
    kill: () => server.kill(),
    restore: async () => {
      if (!server.process.isRunning) await server.restart();
    },
  }),
);
