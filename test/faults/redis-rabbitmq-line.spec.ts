import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { describeLineFaults } from './line-faults.js';
import { rabbitmqBench, throughProxy } from './rabbitmq-bench.js';
import { redisBench } from './redis-bench.js';
import { type Bench, bench } from './transport-bench.js';

const SETTINGS = failoverOptionsSchema.parse({ probeIntervalMs: 500, failBackAfterMs: 2_000 });
let rabbit: RabbitmqCluster;
let redis: RedisServer;
let proxy: FaultProxy;

beforeAll(async () => {
  [rabbit, redis] = await Promise.all([startRabbitmq(), startRedis()]);
  proxy = await startFaultProxy({ targetPort: Number(new URL(rabbit.urls[0]!).port) });
}, 120_000);
afterAll(() => Promise.all([proxy.stop(), rabbit.stop(), redis.stop()]));

async function connected(): Promise<Bench<FailoverTransport>> {
  const members = [
    rabbitmqBench({ urls: [throughProxy(rabbit, proxy)], namePrefix: 'line.' }).transport,
    redisBench({ url: redis.url, keyPrefix: 'line:' }).transport,
  ];
  const made = bench((context) => new FailoverTransport(members, SETTINGS, context), 'main');
  await made.transport.connect();
  return made;
}

describeLineFaults('failover of rabbitmq and redis', () => proxy, connected, { isKeyed: false });
