import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { kafkaConformance } from './kafka-suite.js';
import { describeTransport } from './transport-suite.js';

let server: KafkaCluster;

beforeAll(async () => {
  server = await startKafka();
}, 120_000);
afterAll(() => server.stop());

describeTransport(
  'Kafka',
  kafkaConformance(
    () => server,
    () => ({}),
  ),
);
