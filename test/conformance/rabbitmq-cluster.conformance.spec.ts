import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { rabbitmqConformance } from './rabbitmq-suite.js';
import { describeTransport } from './transport-suite.js';

let cluster: RabbitmqCluster;

beforeAll(async () => {
  cluster = await startRabbitmq({ nodes: 3 });
}, 180_000);
afterAll(() => cluster.stop());

describeTransport(
  'RabbitMQ cluster',
  rabbitmqConformance(
    () => cluster,
    () => ({}),
  ),
);
