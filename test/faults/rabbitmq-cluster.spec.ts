import { setTimeout as wait } from 'node:timers/promises';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil, waitWhileMoving } from '../support/brokers/wait-until.js';
import { watchSlowdown } from '../support/machine-time.js';
import type { Load, LoadResult } from '../support/transport-load.js';
import { faultRow } from './fault-matrix.js';
import { report } from './measured.js';
import { connected } from './rabbitmq-bench.js';
import { closeAll } from './transport-bench.js';
import { goesOn, underLoad } from './under-load.js';

const PREFIX = 'load.';
/** Longest time without publishing or consuming that the design allows. */
const KILLED_GAP_MS = 15_000;
const PAUSED_GAP_MS = 30_000;
const PAUSE_MS = 40_000;
/** Younger queues may come back dead from nodes that were killed. */
const REMEMBERS_QUEUES_MS = 1_500;
/** Three nodes on one machine take more than they hand out by key: the rest would have to be waited for. */
const LANES = 2;
/** Longer than all nodes take to come back. */
const DELAY_MS = 40_000;
const LATE_MS = 20_000;
let cluster: RabbitmqCluster;

beforeAll(async () => {
  cluster = await startRabbitmq({ nodes: 3 });
}, 180_000);
afterAll(() => cluster.stop());
afterEach(async () => {
  await closeAll();
  for (const node of cluster.nodes) node.resume();
  await cluster.restore();
  await cluster.heal(); // a node that is parted while the others still come together may never find back
}, 180_000);

const loadWhile = (fault: string, happen: (load: Load) => Promise<void>): Promise<LoadResult> =>
  underLoad({
    row: faultRow('rabbitmq, 3 nodes', fault),
    connected: () => connected({ urls: cluster.urls, namePrefix: PREFIX }),
    happen,
    beforeMs: REMEMBERS_QUEUES_MS,
    lanes: LANES,
    explain,
  });

const explain = (): Promise<string> =>
  cluster
    .control('list_queues', 'name', 'type', 'state', 'leader', 'online', 'members', 'messages')
    .catch((error: unknown) => String(error));

const leaderOf = (load: Load) => cluster.leaderOf(`${PREFIX}${load.topic}/g`);

it('loses nothing when each node in turn is killed under load, and continues without help while it is down', async () => {
  const { longestGapMachineMs } = await loadWhile('each node killed in turn', async (load) => {
    for (const node of cluster.nodes) {
      await node.kill();
      await wait(3_000);
      await goesOn(load, { explain }); // while it is down: its return would heal what the client must
      await cluster.restore();
      await wait(REMEMBERS_QUEUES_MS);
    }
  });
  expect(longestGapMachineMs).toBeLessThan(KILLED_GAP_MS);
}, 300_000);

it('loses nothing when the leader of a queue is paused for 40 s under load, and continues meanwhile', async () => {
  const { longestGapMachineMs } = await loadWhile('leader paused for 40 s', async (load) => {
    const leader = await leaderOf(load);
    leader.pause();
    await wait(PAUSE_MS);
    leader.resume();
    await wait(5_000);
  });
  expect(longestGapMachineMs).toBeLessThan(PAUSED_GAP_MS);
}, 300_000);

it('loses nothing when the leader of a queue is cut off from the other nodes under load', async () => {
  const { longestGapMachineMs } = await loadWhile(
    'leader cut off from its cluster for 20 s',
    async (load) => {
      const leader = await leaderOf(load);
      await cluster.isolate(leader);
      await wait(20_000);
      await cluster.rejoin(leader);
      await cluster.heal();
      await wait(5_000);
    },
  );
  expect(longestGapMachineMs).toBeLessThan(PAUSED_GAP_MS);
}, 300_000);

it('loses nothing when all nodes are restarted one after the other under load', async () => {
  await loadWhile('rolling restart', async () => {
    for (const node of cluster.nodes) {
      await node.start();
      await cluster.ready();
      await wait(2_000);
    }
  });
}, 300_000);

it('has everything that was accepted when all nodes are killed, also what waits', async () => {
  const options = { urls: cluster.urls, namePrefix: 'all.' };
  const { transport } = await connected(options);
  const subscription = { topic: 't', group: 'g', concurrency: 20, ordering: 'none' } as const;
  await (await transport.consume(subscription, () => Promise.resolve({ kind: 'ack' }))).stop();
  const messages = Array.from({ length: 500 }, (_, nth) => ({
    id: `${nth}`,
    headers: {},
    body: Buffer.from('x'),
  }));
  const later = messages.map((message) => ({ ...message, id: `later-${message.id}` }));
  await wait(REMEMBERS_QUEUES_MS);
  const publishedAt = Date.now();
  const slowdown = watchSlowdown();
  const outcomes = [
    ...(await transport.publish({ topic: 't' }, later, { deadlineMs: 20_000, delayMs: DELAY_MS })),
    ...(await transport.publish({ topic: 't' }, messages, { deadlineMs: 20_000 })),
  ];
  expect(outcomes.filter(({ kind }) => kind !== 'accepted')).toEqual([]);
  await wait(REMEMBERS_QUEUES_MS);
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  await cluster.restore();
  const arrived = new Map<string, number>();
  await waitUntil('it consumes again', async () => {
    await transport.consume(subscription, ({ message: { id } }) => {
      arrived.set(id, Date.now() - publishedAt);
      return Promise.resolve({ kind: 'ack' });
    });
    return true;
  });
  await waitUntil('what waits is due', async () => Date.now() > publishedAt + DELAY_MS);
  const arrivedSoFar = (): number => arrived.size;
  await waitWhileMoving('everything has arrived', async () => arrived.size === 1_000, arrivedSoFar, LATE_MS);
  const waited = later.map(({ id }) => arrived.get(id) ?? 0);
  report('rabbitmq, all killed', `delays of 40 s took ${Math.min(...waited)} to ${Math.max(...waited)} ms`);
  expect(Math.min(...waited)).toBeGreaterThanOrEqual(DELAY_MS);
  // All nodes start in that time as well, of which a loaded machine makes more.
  expect(Math.max(...waited)).toBeLessThan((DELAY_MS + LATE_MS) * slowdown());
}, 300_000);
