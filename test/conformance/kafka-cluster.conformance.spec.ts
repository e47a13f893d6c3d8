import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { kafkaConformance } from './kafka-suite.js';
import { describeTransport } from './transport-suite.js';

/** On one broker the older version is tested. With `KAFKA_CLUSTER_VERSION=3.9.1` it is here, too. */
const VERSION = process.env['KAFKA_CLUSTER_VERSION'] === '3.9.1' ? '3.9.1' : '4.1.1';
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
