import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { rabbitmqConformance } from './rabbitmq-suite.js';
import { describeTransport } from './transport-suite.js';

let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());

describeTransport(
  'RabbitMQ',
  rabbitmqConformance(
    () => server,
    () => ({}),
  ),
);
