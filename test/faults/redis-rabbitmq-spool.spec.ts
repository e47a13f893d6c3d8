import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { SpooledTransport } from '../../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import type { Load } from '../support/transport-load.js';
import { watchSlowdown } from '../support/machine-time.js';
import { faultRow } from './fault-matrix.js';
import { rabbitmqBench } from './rabbitmq-bench.js';
import { redisBench } from './redis-bench.js';
import { spooledFailover } from './spool-bench.js';
import { type Bench, closeAll } from './transport-bench.js';
import { goesOn, underLoad } from './under-load.js';

/** Longest time without an accepted publish while there is a spool. */
const GAP_MS = 2_500;
/** Longest time until everything is sent that was spooled in ten seconds under full load. */
const EMPTY_MS = 60_000;
/** What live messages keep of their rate while the spool drains. */
const LIVE_SHARE = 0.5;
/** Younger queues may come back dead from a node that was killed. */
const REMEMBERS_QUEUES_MS = 5_000;
const data = temporaryDirectory();
let rabbit: RabbitmqCluster;
let redis: RedisServer;

beforeAll(async () => {
  [rabbit, redis] = await Promise.all([startRabbitmq(), startRedis()]);
}, 120_000);
afterEach(closeAll, 60_000);
afterAll(async () => {
  await Promise.all([rabbit.stop(), redis.stop()]);
  data.remove();
});

function open(name: string): Promise<Bench<SpooledTransport>> {
  const members = [
    rabbitmqBench({ urls: rabbit.urls, namePrefix: `${name}.` }).transport,
    redisBench({ url: redis.url, keyPrefix: `${name}:` }).transport,
  ];
  return spooledFailover(members, join(data.path, name));
}

it('continues while both brokers are gone, and sends everything when they are back', async () => {
  const opened = await open('gone');
  const { transport } = opened;
  let drainedAfterMs = 0;
  let liveShare = 0;
  let slowness = 1;
  const happen = async (load: Load): Promise<void> => {
    const ratePerMs = async (whileThis: () => Promise<unknown>): Promise<number> => {
      const [count, at] = [load.acceptedCount, performance.now()];
      await whileThis();
      return (load.acceptedCount - count) / (performance.now() - at);
    };
    await Promise.all([rabbit.nodes[0]?.kill(), redis.kill()]);
    await goesOn(load);
    expect(transport.state()).toMatchObject({
      active: ['disk'],
      members: [{ works: false }, { works: true }],
    });
    await wait(10_000);
    const backAt = performance.now();
    await redis.restart();
    await waitUntil('it drains', async () => transport.state().active.includes('brokers'));
    const slowdown = watchSlowdown();
    const whileDraining = await ratePerMs(() =>
      waitUntil('the spool is empty', async () => transport.state().spool?.messages === 0),
    );
    drainedAfterMs = performance.now() - backAt;
    slowness = slowdown();
    liveShare = whileDraining / (await ratePerMs(() => wait(3_000)));
    expect(transport.state()).toMatchObject({ active: ['brokers'] });
    await rabbit.restore();
  };
  const result = await underLoad({
    row: faultRow('spool before rabbitmq and redis', 'both killed'),
    connected: () => Promise.resolve(opened),
    happen,
    beforeMs: REMEMBERS_QUEUES_MS,
    isKeyed: false,
    deadlineMs: 5_000,
    more: () =>
      `, empty ${Math.round(drainedAfterMs)} ms after Redis came back, ` +
      `live messages at ${liveShare.toFixed(2)} of their usual rate meanwhile`,
  });
  expect([result.unavailable.size, result.unknown.size]).toEqual([0, 0]);
  expect(result.longestGapMachineMs).toBeLessThan(GAP_MS);
  expect(drainedAfterMs).toBeLessThan(EMPTY_MS);
  // The drain has a fixed rate, so that it takes more of a slow machine.
  expect(liveShare).toBeGreaterThan(LIVE_SHARE / slowness);
}, 180_000);
