import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeClockJumps } from './clock-jumps.js';
import { describeLineFaults } from './line-faults.js';
import { connected } from './redis-bench.js';

const keyPrefix = 'line:';
let server: RedisServer;
let proxy: FaultProxy;

beforeAll(async () => {
  server = await startRedis();
  proxy = await startFaultProxy({ targetPort: server.port });
}, 60_000);
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});

describeLineFaults(
  'redis',
  () => proxy,
  () => connected({ url: `redis://127.0.0.1:${proxy.port}`, keyPrefix, commandTimeoutMs: 1_000 }),
);

describeClockJumps('redis', (clock) => connected({ url: server.url, keyPrefix: 'clock:' }, clock));
