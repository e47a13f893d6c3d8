import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { hybridEventApp } from '../support/bridge-app.js';
import { describeEvents } from '../support/event-suite.js';

let redis: RedisServer;
beforeAll(async () => (redis = await startRedis()), 60_000);
afterAll(() => redis.stop());

describeEvents('on Redis', () => hybridEventApp({ kind: 'redis', url: redis.url }));
