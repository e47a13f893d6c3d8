import { TopicKeys } from '../../src/infrastructure/services/redis/topology/redis-keys.js';
import { type RedisClusterSetup, startRedisCluster } from '../support/brokers/redis-cluster.js';
import type { LoadResult } from '../support/transport-load.js';
import { faultRow } from './fault-matrix.js';
import { connected } from './redis-bench.js';
import { closeAll } from './transport-bench.js';
import { underLoad } from './under-load.js';

const keyPrefix = 'load:';
let setup: RedisClusterSetup;

beforeAll(async () => {
  setup = await startRedisCluster();
}, 120_000);
afterAll(() => setup.stop());
afterEach(closeAll);

/** Loads while something happens to the slot of the load. */
function loadWhile(
  [system, fault]: readonly [system: string, fault: string],
  options: object,
  happen: (key: string) => Promise<void>,
): Promise<LoadResult> {
  const cluster = setup.addresses.map(({ host, port }) => `${host}:${port}`);
  return underLoad({
    row: faultRow(system, fault),
    connected: () => connected({ cluster, keyPrefix, ...options }),
    happen: ({ topic }) => happen(new TopicKeys(keyPrefix, topic).log),
  });
}

it.each([1, 0])(
  'continues without help when the primary of a topic is killed under load (replicas: %d)',
  async (replicas) => {
    const system = replicas > 0 ? 'redis, cluster, `replicas: 1`' : 'redis, cluster';
    await loadWhile([system, 'primary killed'], { replicas, replicasTimeoutMs: 500 }, async (key) => {
      const dead = await setup.killPrimaryOf(key);
      await setup.failedOver(key, dead);
      await setup.revive(dead); // the only other one that can confirm
    });
  },
  120_000,
);

it('loses nothing while the slot of a topic moves, there and back', async () => {
  await loadWhile(['redis, cluster', 'slot of the topic moved there and back'], {}, async (key) => {
    const from = await setup.primaryOf(key);
    await setup.moveSlotOf(key);
    await new Promise((resolve) => setTimeout(resolve, 500)); // some work at the new place
    await setup.moveSlotOf(key, from);
  });
}, 120_000);

it('accepts again as soon as a move that asks to try again is over', async () => {
  await loadWhile(['redis, cluster', 'half of a topic moved for a while'], {}, async (key) => {
    const move = await setup.beginMove(key);
    await move.moveKeys(1);
    await new Promise((resolve) => setTimeout(resolve, 500)); // keys of one topic on both sides
    await move.moveKeys();
    await move.finish();
  });
}, 120_000);
