import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { SpooledTransport } from '../../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { freePorts } from '../support/brokers/server-process.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { faultRow } from './fault-matrix.js';
import { kafkaBench } from './kafka-bench.js';
import { describeLineFaults } from './line-faults.js';
import { rabbitmqBench, throughProxy } from './rabbitmq-bench.js';
import { redisBench } from './redis-bench.js';
import { spooledFailover } from './spool-bench.js';
import type { Bench } from './transport-bench.js';
import { underLoad } from './under-load.js';

const SYSTEM = 'spool before kafka, rabbitmq and redis';
const FAULT_MS = 10_000;
/** Longest time without an accepted publish while there is a spool. */
const GAP_MS = 2_500;
const data = temporaryDirectory();
let kafka: KafkaCluster;
let rabbit: RabbitmqCluster;
let redis: RedisServer;
/** To each of them, in the order in which they are used. */
let lines: readonly FaultProxy[];
let count = 0;

beforeAll(async () => {
  const [port] = await freePorts(1);
  [kafka, rabbit, redis] = await Promise.all([
    // Clients go to where the broker says that it is.
    startKafka({ listeners: [{ name: 'LINE', protocol: 'PLAINTEXT', advertisedPort: port! }] }),
    startRabbitmq(),
    startRedis(),
  ]);
  lines = await Promise.all([
    startFaultProxy({ port: port!, targetPort: kafka.nodes[0]!.portOf('LINE') }),
    startFaultProxy({ targetPort: Number(new URL(rabbit.urls[0]!).port) }),
    startFaultProxy({ targetPort: redis.port }),
  ]);
}, 180_000);
afterAll(async () => {
  await Promise.all(lines.map((line) => line.stop()));
  await Promise.all([kafka.stop(), rabbit.stop(), redis.stop()]);
  data.remove();
}, 60_000);

/** Each with a spool of its own. */
function connected(): Promise<Bench<SpooledTransport>> {
  const [toKafka, toRabbit, toRedis] = lines as [FaultProxy, FaultProxy, FaultProxy];
  const members = [
    kafkaBench({ brokers: [`127.0.0.1:${toKafka.port}`], namePrefix: 'line.', requestTimeoutMs: 2_000 }),
    rabbitmqBench({ urls: [throughProxy(rabbit, toRabbit)], namePrefix: 'line.' }),
    redisBench({ url: `redis://127.0.0.1:${toRedis.port}`, keyPrefix: 'line:' }),
  ];
  return spooledFailover(
    members.map(({ transport }) => transport),
    join(data.path, `${++count}`),
  );
}

// Kafka is used while it works.
describeLineFaults(SYSTEM, () => lines[0]!, connected, { isKeyed: false });

it('continues while none of the three can be reached, and sends everything afterwards', async () => {
  const { longestGapMachineMs, unavailable, unknown } = await underLoad({
    row: faultRow(SYSTEM, 'all three refuse connections for 10 s'),
    connected,
    happen: async () => {
      await Promise.all(lines.map((line) => line.down()));
      await wait(FAULT_MS);
      await Promise.all(lines.map((line) => line.up()));
    },
    isKeyed: false,
    deadlineMs: 5_000,
  });
  expect([unavailable.size, unknown.size]).toEqual([0, 0]);
  expect(longestGapMachineMs).toBeLessThan(GAP_MS);
}, 180_000);
