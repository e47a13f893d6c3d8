import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { bootExample, closeExamples, placeOrder } from '../support/example.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
let rabbitmq: RabbitmqCluster;
beforeAll(async () => (rabbitmq = await startRabbitmq()), 120_000);
afterEach(closeExamples);
afterAll(async () => {
  await rabbitmq.stop();
  data.remove();
});

it('rabbitmq', async () => {
  const { url } = await bootExample(
    async () => (await import('../../examples/rabbitmq/app.module.js')).AppModule,
    { RABBITMQ_URL: rabbitmq.urls[0] ?? '', DATA_DIR: data.path },
  );
  expect(await placeOrder(url)).toMatchObject({ status: 'accepted' });
});
