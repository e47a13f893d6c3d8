import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { bootExample, closeExamples, placeOrder } from '../support/example.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
let kafka: KafkaCluster;
beforeAll(async () => (kafka = await startKafka()), 120_000);
afterEach(closeExamples);
afterAll(async () => {
  await kafka.stop();
  data.remove();
});

it('kafka', async () => {
  const { url } = await bootExample(
    async () => (await import('../../examples/kafka/app.module.js')).AppModule,
    { KAFKA_BROKER: kafka.brokers[0] ?? '', DATA_DIR: data.path },
  );
  expect(await placeOrder(url)).toMatchObject({ status: 'accepted' });
}, 120_000);
