import { type RedisSentinelSetup, startRedisSentinel } from '../support/brokers/redis-sentinel.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { createTransport } from '../conformance/redis.factory.js';
import { Load, type LoadResult } from '../support/transport-load.js';
import { faultRow } from './fault-matrix.js';
import { reportLoad } from './measured.js';

let setup: RedisSentinelSetup;

beforeAll(async () => {
  setup = await startRedisSentinel();
}, 120_000);
afterAll(() => setup.stop());

const open = (options: object = {}) =>
  createTransport(
    JSON.stringify({
      sentinels: setup.sentinels.map(({ host, port }) => `${host}:${port}`),
      sentinelName: setup.name,
      keyPrefix: `${Math.random().toString(36).slice(2)}:`,
      ...options,
    }),
  );

/** Loads, kills the primary, waits until another takes over and work goes on, and revives the dead one. */
async function killUnderLoad(options: object): Promise<{ lost: string[]; result: LoadResult }> {
  const keyPrefix = `${Math.random().toString(36).slice(2)}:`;
  const publisher = await open({ ...options, keyPrefix });
  const consuming = await open({ ...options, keyPrefix });
  const load = new Load(publisher);
  const consumer = await load.consume(consuming);
  load.start();
  await waitUntil('the load runs', async () => load.acceptedCount > 300);
  const dead = await setup.killPrimary();
  await setup.failedOver(dead);
  load.healed();
  const before = load.acceptedCount;
  await waitUntil('publishing goes on', async () => load.acceptedCount > before + 300);
  const result = await load.end();
  await waitUntil('what was accepted is handled, or lost', async () => {
    if (load.missing.length === 0) return true;
    const { ready, inFlight } = await consuming.backlog({ topic: load.topic, group: 'g' });
    return ready + inFlight === 0;
  });
  await setup.reviveAsReplica(dead);
  await consumer.stop();
  await Promise.all([publisher.close(), consuming.close()]);
  return { lost: load.missing, result };
}

it('loses nothing that a replica has confirmed when the primary is killed under load', async () => {
  const { lost, result } = await killUnderLoad({ replicas: 1, replicasTimeoutMs: 500 });
  reportLoad(faultRow('redis, sentinels, `replicas: 1`', 'primary killed'), result, lost);
  expect(lost).toEqual([]);
}, 120_000);

it('goes on by itself when the primary is killed under load, with the window of the default level', async () => {
  const { lost, result } = await killUnderLoad({});
  reportLoad(faultRow('redis, sentinels', 'primary killed'), result, lost);
}, 120_000);

it('calls a message unknown while no replica confirms it', async () => {
  const transport = await open({ replicas: 1, replicasTimeoutMs: 100 });
  const replicas = await setup.replicas();
  for (const replica of replicas) replica.pause();
  try {
    const [outcome] = await transport.publish(
      { topic: 'unconfirmed' },
      [{ id: 'm', headers: {}, body: Buffer.from('x') }],
      { deadlineMs: 500 },
    );
    expect(outcome?.kind).toBe('unknown');
  } finally {
    for (const replica of replicas) replica.resume();
  }
  await setup.ready();
  const again = await transport.publish(
    { topic: 'unconfirmed' },
    [{ id: 'm', headers: {}, body: Buffer.from('x') }],
    { deadlineMs: 5_000 },
  );
  expect(again.map(({ kind }) => kind)).toEqual(['accepted']);
  expect(await transport.backlog({ topic: 'unconfirmed', group: 'g' })).toMatchObject({ ready: 0 });
  const ids: string[] = [];
  await transport.consume(
    { topic: 'unconfirmed', group: 'g', concurrency: 5, ordering: 'none' },
    ({ message: { id } }) => {
      ids.push(id);
      return Promise.resolve({ kind: 'ack' });
    },
  );
  await waitUntil('it arrives', async () => ids.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(ids).toEqual(['m']); // once, although it was published twice
  await transport.close();
}, 60_000);
