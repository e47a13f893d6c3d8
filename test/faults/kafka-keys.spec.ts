import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { connected } from './kafka-bench.js';
import { keepOrderOverProcesses } from './keys-over-processes.js';
import { closeAll } from './transport-bench.js';

let server: KafkaCluster;

beforeAll(async () => {
  server = await startKafka();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);

it('keeps the order of keys over three processes, of which two are killed', async () => {
  const options = { brokers: server.brokers, namePrefix: 'keys.', partitions: 6, sessionTimeoutMs: 3_000 };
  const { transport } = await connected(options);
  const task = { module: 'test/conformance/kafka.factory.ts', storage: JSON.stringify(options) };
  await keepOrderOverProcesses('kafka', transport, task);
}, 120_000);
