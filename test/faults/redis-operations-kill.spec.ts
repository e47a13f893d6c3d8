import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeOperationsKill } from './operations-kill.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());

describeOperationsKill('Redis', true, () => ({
  transports: { main: { kind: 'redis', url: server.url } },
  deadLetters: { store: 'redis', transport: 'main' },
  idempotency: { store: 'memory' },
  control: { store: 'redis', transport: 'main' },
}));
