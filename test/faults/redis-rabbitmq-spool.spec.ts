import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/core/messaging/clock.js';
import type { Transport, TransportEvent } from '../../src/core/messaging/transport.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover.transport.js';
import { spooledOptionsSchema } from '../../src/infrastructure/services/composites/spooled.options.js';
import { SpooledTransport } from '../../src/infrastructure/services/composites/spooled.transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { temporaryDirectory } from '../support/demonstration.js';
import { Load } from '../support/transport-load.js';
import { faultRow } from './fault-matrix.js';
import { reportLoad } from './measured.js';
import { rabbitmqBench } from './rabbitmq-bench.js';
import { redisBench } from './redis-bench.js';
import { spoolOn } from './spool-bench.js';
import { closeAll } from './transport-bench.js';

/** Longest time without an accepted publish while there is a spool. */
const GAP_MS = 2_500;
/** Longest time until everything is sent that was spooled in ten seconds under full load. */
const EMPTY_MS = 60_000;
/** What live messages keep of their rate while the spool drains. */
const LIVE_SHARE = 0.5;
/** Younger queues may come back dead from a node that was killed. */
const REMEMBERS_QUEUES_MS = 5_000;
const data = temporaryDirectory();
const opened: Transport[] = [];
let rabbit: RabbitmqCluster;
let redis: RedisServer;

beforeAll(async () => {
  [rabbit, redis] = await Promise.all([startRabbitmq(), startRedis()]);
}, 120_000);
afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
  await closeAll();
}, 60_000);
afterAll(async () => {
  await Promise.all([rabbit.stop(), redis.stop()]);
  data.remove();
});

/** Two brokers that stand in for each other, and a spool for when both are gone. */
async function open(name: string) {
  const events: TransportEvent[] = [];
  const contextOf = (label: string) => ({
    name: label,
    clock: systemClock,
    onEvent: (event: TransportEvent): void => void events.push(event),
  });
  const members = [
    rabbitmqBench({ urls: rabbit.urls, namePrefix: `${name}.` }).transport,
    redisBench({ url: redis.url, keyPrefix: `${name}:` }).transport,
  ];
  const probes = { probeIntervalMs: 500, maxProbeIntervalMs: 1_000 };
  const failover = new FailoverTransport(
    members,
    failoverOptionsSchema.parse({ ...probes, failBackAfterMs: 2_000 }),
    contextOf('brokers'),
  );
  const transport = new SpooledTransport(
    { transport: failover, spool: spoolOn(join(data.path, name)) },
    spooledOptionsSchema.parse({ ...probes, attemptTimeoutMs: 2_000 }),
    contextOf('main'),
  );
  opened.push(transport);
  await transport.connect();
  return { transport, events };
}

it('goes on while both brokers are gone, and sends everything when they are back', async () => {
  const { transport } = await open('gone');
  const load = new Load(transport, { deadlineMs: 5_000 });
  await load.consume(transport);
  load.start();
  let drainedAfterMs = 0;
  let liveShare = 0;
  const ratePerMs = async (whileThis: () => Promise<unknown>): Promise<number> => {
    const [count, at] = [load.acceptedCount, performance.now()];
    await whileThis();
    return (load.acceptedCount - count) / (performance.now() - at);
  };
  const happen = async (): Promise<void> => {
    await waitUntil('the load runs', async () => load.acceptedCount > 300);
    await wait(REMEMBERS_QUEUES_MS);
    await Promise.all([rabbit.nodes[0]?.kill(), redis.kill()]);
    const before = load.acceptedCount;
    await waitUntil('it is spooled', async () => load.acceptedCount > before + 500);
    expect(transport.state()).toMatchObject({
      active: ['disk'],
      members: [{ works: false }, { works: true }],
    });
    await wait(10_000);
    const backAt = performance.now();
    await redis.restart();
    await waitUntil('it drains', async () => transport.state().active.includes('brokers'));
    const whileDraining = await ratePerMs(() =>
      waitUntil('the spool is empty', async () => transport.state().spool?.messages === 0),
    );
    drainedAfterMs = performance.now() - backAt;
    liveShare = whileDraining / (await ratePerMs(() => wait(3_000)));
    expect(transport.state()).toMatchObject({ active: ['brokers'] });
    await rabbit.restore();
  };
  const result = await happen().then(
    () => load.end(),
    async (error: unknown) => {
      await load.end();
      throw error;
    },
  );
  await waitUntil('what was accepted is handled', async () => load.missing.length === 0).catch(
    () => undefined,
  );
  reportLoad(
    faultRow('spool before rabbitmq and redis', 'both killed'),
    result,
    load.missing,
    `, empty ${Math.round(drainedAfterMs)} ms after Redis came back, ` +
      `live messages at ${liveShare.toFixed(2)} of their usual rate meanwhile`,
  );
  expect(load.missing).toEqual([]);
  expect([result.unavailable.size, result.unknown.size]).toEqual([0, 0]);
  expect(result.longestGapMs).toBeLessThan(GAP_MS);
  expect(drainedAfterMs).toBeLessThan(EMPTY_MS);
  expect(liveShare).toBeGreaterThan(LIVE_SHARE);
}, 180_000);
