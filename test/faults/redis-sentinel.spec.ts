import { randomUUID } from 'node:crypto';
import { type RedisSentinelSetup, startRedisSentinel } from '../support/brokers/redis-sentinel.js';
import type { RedisServer } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { faultRow } from './fault-matrix.js';
import { connected, redisBench } from './redis-bench.js';
import { closeAll, collected, publishOne } from './transport-bench.js';
import { underLoad } from './under-load.js';

let setup: RedisSentinelSetup;

beforeAll(async () => {
  setup = await startRedisSentinel();
}, 120_000);
afterAll(() => setup.stop());
afterEach(closeAll);

const options = (): object => ({
  sentinels: setup.sentinels.map(({ host, port }) => `${host}:${port}`),
  sentinelName: setup.name,
});

/** Kills the primary and waits until another takes over; the dead one is revived when work has gone on without it. */
async function killUnderLoad(system: string, more: object): Promise<void> {
  const keyPrefix = `${randomUUID()}:`;
  let dead: RedisServer | undefined;
  await underLoad({
    row: faultRow(system, 'primary killed'),
    connected: () => connected({ ...options(), keyPrefix, ...more }),
    happen: async () => {
      dead = await setup.killPrimary();
      await setup.failedOver(dead);
    },
  });
  if (dead) await setup.reviveAsReplica(dead);
}

it('loses nothing that a replica has confirmed when the primary is killed under load', async () => {
  await killUnderLoad('redis, sentinels, `replicas: 1`', { replicas: 1, replicasTimeoutMs: 500 });
}, 120_000);

it('continues without help when the primary is killed under load, with the window of the default level', async () => {
  await killUnderLoad('redis, sentinels', {});
}, 120_000);

it('calls a message unknown while no replica confirms it', async () => {
  const { transport } = await connected({ ...options(), replicas: 1, replicasTimeoutMs: 100 });
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
}, 60_000);

// The last one: no sentinel comes back.
it('continues without sentinels while the servers stay what they are, and refuses new clients', async () => {
  const { transport } = await connected(options());
  const deliveries = await collected(transport, 'unwatched');
  await Promise.all(setup.sentinelProcesses.map((sentinel) => sentinel.stop('SIGKILL')));
  for (let nth = 0; nth < 10; nth++) {
    expect((await publishOne(transport, 'unwatched')).kind).toBe('accepted');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await waitUntil('all have come', async () => deliveries.length === 10);
  const late = redisBench(options());
  await expect(late.transport.connect()).rejects.toMatchObject({ code: 'TRANSPORT_UNAVAILABLE' });
}, 60_000);
