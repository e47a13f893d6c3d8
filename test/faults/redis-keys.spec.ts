import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { keepOrderOverProcesses } from './keys-over-processes.js';
import { connected } from './redis-bench.js';
import { closeAll } from './transport-bench.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());
afterEach(closeAll);

it('keeps the order of keys over three processes, of which two are killed', async () => {
  const options = { url: server.url, keyPrefix: 'keys:' };
  const { transport } = await connected(options);
  const task = { module: 'test/conformance/redis.factory.ts', storage: JSON.stringify(options) };
  await keepOrderOverProcesses('redis', transport, task);
}, 120_000);
