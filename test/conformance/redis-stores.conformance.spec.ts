import type { IdempotencyStore } from '../../src/core/messaging/ports/idempotency-store.js';
import { RedisIdempotencyStore } from '../../src/infrastructure/services/redis/redis-idempotency.store.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeIdempotencyStore } from './idempotency-store.js';
import { describeRedisDeadLetters, onRedis } from './redis-stores.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());

const servers = (): object => ({ url: server.url });

describeRedisDeadLetters('Redis', servers);
describeIdempotencyStore('Redis', {
  ...onRedis<IdempotencyStore>(servers, (options) => new RedisIdempotencyStore(options)),
  keepsOwnTime: true,
});
