import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { describeLineFaults } from './line-faults.js';
import { describeClockJumps } from './clock-jumps.js';
import { connected, throughProxy } from './rabbitmq-bench.js';

const namePrefix = 'line.';
let cluster: RabbitmqCluster;
let proxy: FaultProxy;

beforeAll(async () => {
  cluster = await startRabbitmq();
  proxy = await startFaultProxy({ targetPort: Number(new URL(cluster.urls[0]!).port) });
}, 120_000);
afterAll(async () => {
  await proxy.stop();
  await cluster.stop();
});

describeLineFaults(
  'rabbitmq',
  () => proxy,
  () => connected({ urls: [throughProxy(cluster, proxy)], namePrefix }),
);

describeClockJumps('rabbitmq', (clock) => connected({ urls: cluster.urls, namePrefix: 'clock.' }, clock));
