import { setTimeout as wait } from 'node:timers/promises';
import type { PublishOutcome } from '../../src/core/messaging/ports/transport.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import type { Load, LoadResult } from '../support/transport-load.js';
import { connected } from './kafka-bench.js';
import { faultRow } from './fault-matrix.js';
import { closeAll, closeOne, collected } from './transport-bench.js';
import { goesOn, underLoad } from './under-load.js';

const PREFIX = 'load.';
/** Longest time without publishing or consuming that the design allows. */
const GAP_MS = 30_000;
/** Of some 20,000 messages. */
const MOST_TWICE = 200;
const PAUSE_MS = 40_000;
let cluster: KafkaCluster;

beforeAll(async () => {
  cluster = await startKafka({ nodes: 3 });
}, 180_000);
afterAll(() => cluster.stop());
afterEach(async () => {
  await cluster.restore();
  await closeAll();
  // A client that was given up connects again to finish what it had begun: nothing of that may be left, or no process would end.
  await waitUntil('nothing is connected any more', async () => connections() === 0, 10_000);
}, 180_000);

/** From here to the brokers. */
function connections(): number {
  const { _getActiveHandles: handles } = process as unknown as {
    _getActiveHandles: () => { remotePort?: number }[];
  };
  const ports = cluster.nodes.map(({ port }) => port);
  return handles().filter(({ remotePort }) => remotePort !== undefined && ports.includes(remotePort)).length;
}

const options = (): object => ({ brokers: cluster.brokers, namePrefix: PREFIX, replicationFactor: 3 });

const loadWhile = (fault: string, happen: (load: Load) => Promise<void>): Promise<LoadResult> =>
  underLoad({ row: faultRow('kafka, 3 brokers', fault), connected: () => connected(options()), happen });

it('loses nothing when each broker in turn is killed under load, and resumes while it is down', async () => {
  const { longestGapMachineMs, handled } = await loadWhile('each broker killed in turn', async (load) => {
    for (const node of cluster.nodes) {
      await node.kill();
      await wait(2_000);
      await goesOn(load);
      await cluster.restore();
      await wait(4_000); // until it has caught up: two of three must have everything
    }
  });
  expect(longestGapMachineMs).toBeLessThan(GAP_MS);
  // A process knows what it has settled, also where the group could not store it.
  expect([...handled.values()].filter((times) => times > 1).length).toBeLessThan(MOST_TWICE);
}, 300_000);

it('loses nothing when a broker is paused for 40 s under load, and continues meanwhile', async () => {
  const { longestGapMachineMs } = await loadWhile('a broker paused for 40 s', async () => {
    cluster.nodes[0]!.pause();
    await wait(PAUSE_MS);
    cluster.nodes[0]!.resume();
    await wait(5_000);
  });
  expect(longestGapMachineMs).toBeLessThan(GAP_MS);
}, 300_000);

it('accepts nothing while two of three brokers are down, and resumes when they are back', async () => {
  await loadWhile('two of three down for 10 s', async (load) => {
    await Promise.all(cluster.nodes.slice(1).map((node) => node.kill()));
    await wait(5_000); // what was on its way has its answer
    const before = load.acceptedCount;
    await wait(5_000);
    expect(load.acceptedCount).toBe(before);
    await cluster.restore();
  });
}, 300_000);

it('loses nothing while members join and leave a group every 2 s', async () => {
  await loadWhile('members join and leave', async (load) => {
    for (let round = 0; round < 6; round++) {
      const member = await connected(options());
      await load.consume(member.transport);
      await wait(2_000);
      await closeOne(member);
    }
  });
}, 300_000);

it('stores nothing twice when one broker answers late and another not at all', async () => {
  const own = { brokers: cluster.brokers, namePrefix: 'twice.', replicationFactor: 1, partitions: 6 };
  const { transport } = await connected(own);
  const keys = Array.from({ length: 60 }, (_, nth) => `key-${nth}`);
  const publish = (round: string): ReturnType<typeof transport.publish> => {
    const messages = keys.map((key) => ({ id: `${round} ${key}`, key, headers: {}, body: Buffer.from('x') }));
    return transport.publish({ topic: 'twice' }, messages, { deadlineMs: 20_000 });
  };
  const isAccepted = ({ kind }: PublishOutcome): boolean => kind === 'accepted';
  await waitUntil('all is connected', async () => (await publish('before')).every(isAccepted));
  cluster.nodes[0]!.pause();
  cluster.nodes[1]!.pause();
  const publishing = publish('meanwhile');
  await wait(500); // it is on its way to all three
  await cluster.nodes[1]!.kill();
  await wait(1_500);
  cluster.nodes[0]!.resume();
  const outcomes = await publishing;
  const accepted = keys
    .filter((_, nth) => outcomes[nth]?.kind === 'accepted')
    .map((key) => `meanwhile ${key}`);
  await cluster.restore();
  const deliveries = await collected((await connected(own)).transport, 'twice');
  const times = (id: string): number => deliveries.filter(({ message }) => message.id === id).length;
  await waitUntil('all that was accepted is there', async () => accepted.every((id) => times(id) > 0));
  await wait(1_000); // for what should not come
  expect(outcomes.map(({ kind }) => kind)).toContain('accepted'); // at least what the third has
  expect(accepted.filter((id) => times(id) > 1)).toEqual([]);
}, 120_000);
