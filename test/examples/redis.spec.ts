import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { bootExample, closeExamples, placeOrder } from '../support/example.js';

let redis: RedisServer;
beforeAll(async () => (redis = await startRedis()), 60_000);
afterEach(closeExamples);
afterAll(() => redis.stop());

it('redis', async () => {
  const load = async () => (await import('../../examples/redis/app.module.js')).AppModule;
  const { url } = await bootExample(load, { REDIS_URL: redis.url });
  expect(await placeOrder(url)).toMatchObject({ status: 'accepted' });
});

it('web-and-worker', async () => {
  const variables = { REDIS_URL: redis.url };
  const web = await bootExample(
    async () => (await import('../../examples/web-and-worker/web.module.js')).WebModule,
    variables,
  );
  const worker = await bootExample(
    async () => (await import('../../examples/web-and-worker/worker.module.js')).WorkerModule,
    variables,
  );
  expect(await placeOrder(web.url, { handledAt: worker.url })).toMatchObject({ status: 'accepted' });
  expect(await (await fetch(`${web.url}/orders`)).json()).toEqual([]);
});
