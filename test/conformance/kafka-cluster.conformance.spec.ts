import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { kafkaConformance } from './kafka-suite.js';
import { describeTransport } from './transport/index.js';

/** On one broker the older version is tested. */
const VERSION = '4.1.1';
let cluster: KafkaCluster;

beforeAll(async () => {
  cluster = await startKafka({ nodes: 3, version: VERSION });
}, 180_000);
afterAll(() => cluster.stop());

describeTransport(
  `Kafka ${VERSION} cluster`,
  kafkaConformance(
    () => cluster,
    () => ({ replicationFactor: 3 }),
  ),
);
