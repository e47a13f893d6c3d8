import { systemClock } from '../../src/core/messaging/index.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { describeDatabaseOutage } from './database-outage.js';

let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());

describeDatabaseOutage('RabbitMQ', async (namePrefix) => {
  const options = rabbitmqOptionsSchema.parse({ urls: server.urls, namePrefix: `${namePrefix}.` });
  return new RabbitmqTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined });
});
