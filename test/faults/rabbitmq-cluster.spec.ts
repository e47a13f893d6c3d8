import { setTimeout as wait } from 'node:timers/promises';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { Load } from '../support/transport-load.js';
import { faultRow } from './fault-matrix.js';
import { report, reportLoad } from './measured.js';
import { connected } from './rabbitmq-bench.js';
import { closeAll } from './transport-bench.js';

const PREFIX = 'load.';
/** Longest time without publishing or consuming that the design allows. */
const KILLED_GAP_MS = 15_000;
const PAUSED_GAP_MS = 30_000;
const PAUSE_MS = 40_000;
/** Younger queues may come back dead from nodes that were killed. */
const REMEMBERS_QUEUES_MS = 1_500;
let cluster: RabbitmqCluster;

beforeAll(async () => {
  cluster = await startRabbitmq({ nodes: 3 });
}, 180_000);
afterAll(() => cluster.stop());
afterEach(async () => {
  await closeAll();
  for (const node of cluster.nodes) node.resume();
  await cluster.restore();
}, 180_000);

/** Loads, lets something happen, and waits until everything has gone on and what was accepted is handled. */
async function loadWhile(
  fault: string,
  happen: (load: Load) => Promise<void>,
): Promise<Awaited<ReturnType<Load['end']>>> {
  const options = { urls: cluster.urls, namePrefix: PREFIX };
  const load = new Load((await connected(options)).transport);
  await load.consume((await connected(options)).transport);
  load.start();
  await waitUntil('the load runs', async () => load.acceptedCount > 300);
  await wait(REMEMBERS_QUEUES_MS);
  await happen(load);
  load.healed();
  const before = load.acceptedCount;
  const hasGoneOn = waitUntil('publishing goes on', async () => load.acceptedCount > before + 300, 90_000);
  const problem = await hasGoneOn.catch((error: unknown) => explainStop(load, error));
  const result = await load.end();
  if (problem !== undefined) throw problem;
  await waitUntil('what was accepted is handled', async () => load.missing.length === 0, 90_000).catch(
    () => undefined,
  );
  reportLoad(faultRow('rabbitmq, 3 nodes', fault), result, load.missing);
  expect(load.missing).toEqual([]);
  return result;
}

/** With what both sides know, because it cannot be looked at any more when the test has ended. */
async function explainStop(load: Load, cause: unknown): Promise<Error> {
  const queues = await cluster
    .control('list_queues', 'name', 'type', 'state', 'leader', 'online', 'members', 'messages')
    .catch((error: unknown) => String(error));
  const text = `Publishing does not go on. The last failure: ${load.lastFailure}. The queues:\n${queues}`;
  return new Error(text, { cause });
}

const leaderOf = (load: Load) => cluster.leaderOf(`${PREFIX}${load.topic}/g`);

it('loses nothing when each node in turn is killed under load, and goes on by itself while it is down', async () => {
  const { longestGapMs } = await loadWhile('each node killed in turn', async (load) => {
    for (const node of cluster.nodes) {
      const before = load.acceptedCount;
      await node.kill();
      await wait(3_000);
      const hasGoneOn = async (): Promise<boolean> => load.acceptedCount > before + 300;
      // While it is down: its return would heal what the client must.
      await waitUntil('publishing goes on without a node', hasGoneOn).catch(async (error: unknown) => {
        const problem = await explainStop(load, error);
        await load.end();
        throw problem;
      });
      await cluster.restore();
      await wait(REMEMBERS_QUEUES_MS);
    }
  });
  expect(longestGapMs).toBeLessThan(KILLED_GAP_MS);
}, 300_000);

it('loses nothing when the leader of a queue is paused for 40 s under load, and goes on meanwhile', async () => {
  const { longestGapMs } = await loadWhile('leader paused for 40 s', async (load) => {
    const leader = await leaderOf(load);
    leader.pause();
    await wait(PAUSE_MS);
    leader.resume();
    await wait(5_000);
  });
  expect(longestGapMs).toBeLessThan(PAUSED_GAP_MS);
}, 300_000);

it('loses nothing when the leader of a queue is cut off from the other nodes under load', async () => {
  const { longestGapMs } = await loadWhile('leader cut off from its cluster for 20 s', async (load) => {
    const leader = await leaderOf(load);
    await cluster.isolate(leader);
    await wait(20_000);
    await cluster.rejoin(leader);
    await cluster.ready();
    await wait(5_000);
  });
  expect(longestGapMs).toBeLessThan(PAUSED_GAP_MS);
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
  const outcomes = [
    ...(await transport.publish({ topic: 't' }, later, { deadlineMs: 20_000, delayMs: 40_000 })),
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
  await waitUntil('everything has arrived', async () => arrived.size === 1_000, 90_000);
  const waited = later.map(({ id }) => arrived.get(id) ?? 0);
  report('rabbitmq, all killed', `delays of 40 s took ${Math.min(...waited)} to ${Math.max(...waited)} ms`);
  expect(Math.min(...waited)).toBeGreaterThanOrEqual(40_000);
  expect(Math.max(...waited)).toBeLessThan(60_000);
}, 300_000);
