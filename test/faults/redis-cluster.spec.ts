import type { Transport } from '../../src/core/messaging/transport.js';
import { TopicKeys } from '../../src/infrastructure/services/redis/redis-keys.js';
import { type RedisClusterSetup, startRedisCluster } from '../support/brokers/redis-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { createTransport } from '../conformance/redis.factory.js';
import { Load } from '../support/transport-load.js';
import { faultRow } from './fault-matrix.js';
import { reportLoad } from './measured.js';

const PREFIX = 'load:';
let setup: RedisClusterSetup;
let transports: Transport[];

beforeAll(async () => {
  setup = await startRedisCluster();
}, 120_000);
afterAll(() => setup.stop());
beforeEach(() => (transports = []));
afterEach(() => Promise.all(transports.map((transport) => transport.close())));

async function open(options: object = {}): Promise<Transport> {
  const transport = await createTransport(
    JSON.stringify({
      cluster: setup.addresses.map(({ host, port }) => `${host}:${port}`),
      keyPrefix: PREFIX,
      ...options,
    }),
  );
  transports.push(transport);
  return transport;
}

/** Loads, lets something happen to the slot of the load, and waits until everything has gone on for a while. */
async function loadWhile(options: object, happen: (key: string) => Promise<void>): Promise<Load> {
  const load = new Load(await open(options));
  await load.consume(await open(options));
  load.start();
  await waitUntil('the load runs', async () => load.acceptedCount > 300);
  await happen(new TopicKeys(PREFIX, load.topic).log);
  load.healed();
  const before = load.acceptedCount;
  await waitUntil('publishing goes on', async () => load.acceptedCount > before + 300);
  return load;
}

async function settled(load: Load): Promise<void> {
  await waitUntil('what was accepted is handled, or lost', async () => {
    if (load.missing.length === 0) return true;
    const { ready, inFlight } = await transports[1]!.backlog({ topic: load.topic, group: 'g' });
    return ready + inFlight === 0;
  });
}

it.each([1, 0])(
  'goes on by itself when the primary of a topic is killed under load (replicas: %d)',
  async (replicas) => {
    const load = await loadWhile({ replicas, replicasTimeoutMs: 500 }, async (key) => {
      const dead = await setup.killPrimaryOf(key);
      await setup.failedOver(key, dead);
      await setup.revive(dead); // the only other one that can confirm
    });
    const result = await load.end();
    await settled(load);
    const system = replicas > 0 ? 'redis, cluster, `replicas: 1`' : 'redis, cluster';
    reportLoad(faultRow(system, 'primary killed'), result, load.missing);
    if (replicas > 0) expect(load.missing).toEqual([]);
  },
  120_000,
);

it('loses nothing while the slot of a topic moves, there and back', async () => {
  const load = await loadWhile({}, async (key) => {
    const from = await setup.primaryOf(key);
    await setup.moveSlotOf(key);
    await new Promise((resolve) => setTimeout(resolve, 500)); // some work at the new place
    await setup.moveSlotOf(key, from);
  });
  const result = await load.end();
  await settled(load);
  reportLoad(faultRow('redis, cluster', 'slot of the topic moved there and back'), result, load.missing);
  expect(load.missing).toEqual([]);
}, 120_000);

it('accepts again as soon as a move that asks and tells to try again is over', async () => {
  const load = await loadWhile({}, async (key) => {
    const move = await setup.beginMove(key);
    await move.moveKeys(1);
    await new Promise((resolve) => setTimeout(resolve, 500)); // keys of one topic on both sides
    await move.moveKeys();
    await move.finish();
  });
  const result = await load.end();
  await settled(load);
  reportLoad(faultRow('redis, cluster', 'half of a topic moved for a while'), result, load.missing);
  expect(load.missing).toEqual([]);
}, 120_000);
