import { createTransport } from '../conformance/rabbitmq.factory.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { closeOperations } from '../support/operations-app.js';
import { expectMessagesOfAFullStoreToStay } from './full-store.js';

let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeOperations);

it('messages whose dead letters have no room stay on their broker, and use no attempt', async () => {
  await expectMessagesOfAFullStoreToStay(await createTransport(JSON.stringify({ urls: server.urls })));
}, 180_000);
