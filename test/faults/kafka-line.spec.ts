import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { freePorts } from '../support/brokers/server-process.js';
import { describeClockJumps } from './clock-jumps.js';
import { connected } from './kafka-bench.js';
import { describeLineFaults } from './line-faults.js';

const namePrefix = 'line.';
let cluster: KafkaCluster;
let proxy: FaultProxy;

beforeAll(async () => {
  const [port] = await freePorts(1);
  // Clients go to where the broker says that it is.
  cluster = await startKafka({ listeners: [{ name: 'LINE', protocol: 'PLAINTEXT', advertisedPort: port! }] });
  proxy = await startFaultProxy({ port: port!, targetPort: cluster.nodes[0]!.portOf('LINE') });
}, 120_000);
afterAll(async () => {
  await proxy.stop();
  await cluster.stop();
});

describeLineFaults(
  'kafka',
  () => proxy,
  () => connected({ brokers: [`127.0.0.1:${proxy.port}`], namePrefix, requestTimeoutMs: 2_000 }),
);

describeClockJumps('kafka', (clock) => connected({ brokers: cluster.brokers, namePrefix: 'clock.' }, clock));
