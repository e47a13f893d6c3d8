import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { eventually } from '../support/demonstration.js';
import { bootExample, closeExamples, placeOrder } from '../support/example.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
let redis: RedisServer;
let rabbitmq: RabbitmqCluster;
beforeAll(async () => {
  [redis, rabbitmq] = await Promise.all([startRedis(), startRabbitmq()]);
}, 120_000);
afterEach(closeExamples);
afterAll(async () => {
  await Promise.all([redis.stop(), rabbitmq.stop()]);
  data.remove();
});

it('failover-with-spool, also without any broker', async () => {
  const { url } = await bootExample(
    async () => (await import('../../examples/failover-with-spool/app.module.js')).AppModule,
    { RABBITMQ_URL: rabbitmq.urls[0] ?? '', REDIS_URL: redis.url, DATA_DIR: data.path },
  );
  expect(await placeOrder(url)).toMatchObject({ status: 'accepted' });
  await Promise.all([redis.stop(), rabbitmq.stop()]);
  await eventually(async () => {
    const response = await fetch(`${url}/orders/o-2`, { method: 'POST' });
    return ((await response.json()) as { status?: string }).status === 'spooled' || undefined;
  });
}, 120_000);
