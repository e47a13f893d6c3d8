import { kafkaBench } from '../faults/kafka-bench.js';
import { closeAll } from '../faults/transport-bench.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { describeTakeover } from './takeover.js';

let server: KafkaCluster;
beforeAll(async () => {
  server = await startKafka();
}, 180_000);
afterAll(() => server.stop(), 60_000);
afterEach(() => closeAll(), 60_000);

describe('Kafka', () => {
  describeTakeover({
    kind: 'kafka',
    options: () => ({
      brokers: server.brokers,
      partitions: 3,
      sessionTimeoutMs: 6_000,
      namePrefix: 'taken.',
    }),
    open: (given) => kafkaBench(given).transport,
  });
});
