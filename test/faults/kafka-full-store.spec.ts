import { createTransport } from '../conformance/kafka.factory.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { closeOperations } from '../support/operations-app.js';
import { expectMessagesOfAFullStoreToStay } from './full-store.js';

let server: KafkaCluster;

beforeAll(async () => {
  server = await startKafka();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeOperations);

it('messages whose dead letters have no room stay on their broker, and use no attempt', async () => {
  await expectMessagesOfAFullStoreToStay(await createTransport(JSON.stringify({ brokers: server.brokers })));
}, 180_000);
