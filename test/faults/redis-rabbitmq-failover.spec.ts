import { setTimeout as wait } from 'node:timers/promises';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import type { Load, LoadResult } from '../support/transport-load.js';
import { faultRow } from './fault-matrix.js';
import { rabbitmqBench } from './rabbitmq-bench.js';
import { redisBench } from './redis-bench.js';
import { type Bench, bench, closeAll, publishOne } from './transport-bench.js';
import { underLoad } from './under-load.js';

/** Longest time without an accepted publish while one broker of two works. */
const GAP_MS = 2_000;
/** Younger queues may come back dead from a node that was killed. */
const REMEMBERS_QUEUES_MS = 1_500;
let rabbit: RabbitmqCluster;
let redis: RedisServer;

beforeAll(async () => {
  [rabbit, redis] = await Promise.all([startRabbitmq(), startRedis()]);
}, 120_000);
afterAll(() => Promise.all([rabbit.stop(), redis.stop()]));
afterEach(async () => {
  await closeAll();
  rabbit.nodes[0]!.resume();
  await rabbit.restore();
  if (!redis.process.isRunning) await redis.restart();
}, 120_000);

async function open(name: string, options: object = {}): Promise<Bench<FailoverTransport>> {
  const members = [
    rabbitmqBench({ urls: rabbit.urls, namePrefix: `${name}.` }).transport,
    redisBench({ url: redis.url, keyPrefix: `${name}:` }).transport,
  ];
  const settings = failoverOptionsSchema.parse({ probeIntervalMs: 500, failBackAfterMs: 2_000, ...options });
  const made = bench((context) => new FailoverTransport(members, settings, context), 'main');
  await made.transport.connect();
  return made;
}

const switches = ({ events }: Bench<FailoverTransport>): string[] =>
  events.flatMap((event) => (event.type === 'switched' ? [`${event.from} > ${event.to}`] : []));

const FAULTS = {
  killed: 'rabbitmq killed',
  paused: 'rabbitmq paused',
  flapping: 'rabbitmq flapping',
};

const loadWhile = (
  name: keyof typeof FAULTS,
  happen: (load: Load, publishing: Bench<FailoverTransport>) => Promise<void>,
): Promise<LoadResult> =>
  underLoad({
    row: faultRow('failover of rabbitmq and redis', FAULTS[name]),
    connected: () => open(name),
    happen,
    beforeMs: REMEMBERS_QUEUES_MS,
    isKeyed: false,
  });

it('moves to Redis when RabbitMQ is killed under load, and back once it has worked for a while, and loses nothing', async () => {
  const { longestGapMachineMs, unknown } = await loadWhile('killed', async (load, publishing) => {
    await rabbit.nodes[0]!.kill();
    const before = load.acceptedCount;
    await waitUntil('publishing goes on', async () => load.acceptedCount > before + 300);
    expect(switches(publishing)).toEqual(['rabbitmq > redis']);
    expect(await publishOne(publishing.transport, 'receipt')).toMatchObject({
      kind: 'accepted',
      trail: { transport: 'redis', status: 'accepted', durability: 'acknowledged' },
    });
    await rabbit.restore();
    await waitUntil('it is back', async () => publishing.transport.active === 'rabbitmq');
    await wait(1_000);
    expect(switches(publishing)).toEqual(['rabbitmq > redis', 'redis > rabbitmq']);
  });
  expect(longestGapMachineMs).toBeLessThan(GAP_MS);
  expect(unknown.size).toBe(0); // what RabbitMQ left open, Redis has taken under the same id
}, 120_000);

it('moves to Redis while RabbitMQ is paused, within the time for one try, and marks what both may have', async () => {
  const { longestGapMachineMs, handled, possiblyTwice } = await loadWhile(
    'paused',
    async (load, publishing) => {
      rabbit.nodes[0]!.pause();
      const before = load.acceptedCount;
      await waitUntil('publishing goes on', async () => load.acceptedCount > before + 300);
      expect(publishing.transport.active).toBe('redis');
      rabbit.nodes[0]!.resume();
      await waitUntil('it is back', async () => publishing.transport.active === 'rabbitmq');
    },
  );
  expect(longestGapMachineMs).toBeLessThan(GAP_MS);
  expect(possiblyTwice.size).toBeGreaterThan(0);
  const twice = [...handled].filter(([, times]) => times > 1).map(([id]) => id);
  expect(twice.filter((id) => !possiblyTwice.has(id))).toEqual([]);
}, 120_000);

it('does not follow a flapping broker', async () => {
  await loadWhile('flapping', async (load, publishing) => {
    for (let time = 0; time < 4; time++) {
      rabbit.nodes[0]!.pause();
      await wait(2_500);
      rabbit.nodes[0]!.resume();
      await wait(1_000); // less than it takes to come back into use
    }
    expect(switches(publishing)).toEqual(['rabbitmq > redis']);
    const before = load.acceptedCount;
    await waitUntil('publishing goes on', async () => load.acceptedCount > before + 100);
  });
}, 120_000);

it('says unavailable with every try while both are gone, boots with one of them, and consumes both for ever', async () => {
  const first = await open('gone');
  const ids: string[] = [];
  const subscription = { topic: 't', group: 'g', concurrency: 5, ordering: 'none' } as const;
  await first.transport.consume(subscription, ({ message: { id } }) => {
    ids.push(id);
    return Promise.resolve({ kind: 'ack' });
  });
  await wait(REMEMBERS_QUEUES_MS);
  await Promise.all([rabbit.nodes[0]!.kill(), redis.kill()]);
  await waitUntil('it is told', async () => first.events.some(({ type }) => type === 'disconnected'));
  const outcome = await publishOne(first.transport, 't');
  expect(outcome).toMatchObject({ kind: 'unavailable', trail: { attempts: [{}, {}] } });
  await expect(first.transport.ping()).rejects.toThrow();
  await redis.restart();
  const second = await open('gone');
  expect((await publishOne(second.transport, 't', { id: 'on redis' })).kind).toBe('accepted');
  await waitUntil('it arrives', async () => ids.includes('on redis'));
  await rabbit.restore();
  await waitUntil('it is back in use', async () => second.transport.active === 'rabbitmq');
  expect((await publishOne(second.transport, 't', { id: 'on rabbitmq' })).kind).toBe('accepted');
  await waitUntil('it arrives', async () => ids.includes('on rabbitmq'));
}, 120_000);
