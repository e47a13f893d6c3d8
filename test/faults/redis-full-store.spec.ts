import { RedisDeadLetterStore } from '../../src/infrastructure/services/redis/redis-dead-letter.store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { createTransport } from '../conformance/redis.factory.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { closeOperations } from '../support/operations-app.js';
import { expectMessagesOfAFullStoreToStay } from './full-store.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeOperations);

it('messages whose dead letters have no room stay on their broker, and use no attempt', async () => {
  const transport = await createTransport(JSON.stringify({ url: server.url }));
  const store = new RedisDeadLetterStore(redisOptionsSchema.parse({ url: server.url }));
  await expectMessagesOfAFullStoreToStay(transport, store);
}, 180_000);
