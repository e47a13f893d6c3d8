import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { hybridEventApp } from '../support/bridge-app.js';
import { describeEvents } from '../support/event-suite.js';

let kafka: KafkaCluster;
beforeAll(async () => (kafka = await startKafka()), 120_000);
afterAll(() => kafka.stop());

describeEvents('on Kafka', () => hybridEventApp({ kind: 'kafka', brokers: [...kafka.brokers] }));
