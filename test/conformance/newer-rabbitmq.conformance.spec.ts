import { RABBITMQ_4 } from '../support/brokers/debian-13.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { rabbitmqConformance } from './rabbitmq-suite.js';
import { describeTransport } from './transport-suite.js';

let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq({ installation: RABBITMQ_4 });
}, 120_000);
afterAll(() => server.stop());

it('is RabbitMQ 4.0', async () => {
  expect(await server.control('version')).toMatch(/^4\.0\./);
});

describeTransport(
  'RabbitMQ 4.0',
  rabbitmqConformance(
    () => server,
    () => ({}),
  ),
);
