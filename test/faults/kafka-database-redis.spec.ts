import { systemClock } from '../../src/core/messaging/index.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { describeDatabaseOutage } from './database-outage.js';

let server: KafkaCluster;

beforeAll(async () => {
  server = await startKafka();
}, 120_000);
afterAll(() => server.stop());

describeDatabaseOutage('Kafka', async (namePrefix) => {
  const options = kafkaOptionsSchema.parse({
    brokers: server.brokers,
    namePrefix: `${namePrefix}.`,
    partitions: 4,
  });
  return new KafkaTransport(options, { name: 'main', clock: systemClock, onEvent: () => undefined });
});
