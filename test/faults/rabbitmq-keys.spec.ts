import { setTimeout as wait } from 'node:timers/promises';
import type { OnDelivery, Transport } from '../../src/core/messaging/ports/transport.js';
import { startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { keepOrderOverProcesses } from './keys-over-processes.js';
import { connected, throughProxy } from './rabbitmq-bench.js';
import { closeAll } from './transport-bench.js';

const ACK = { kind: 'ack' } as const;
/** One in each queue. */
const KEYS = 8;
const PER_KEY = 8;
let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);

const keyed = (transport: Transport, group: string, onDelivery: OnDelivery) =>
  transport.consume({ topic: 't', group, concurrency: 10, ordering: 'key' }, onDelivery);

async function publishToAllKeys(transport: Transport, number: number): Promise<void> {
  const body = Buffer.from('x');
  const messages = Array.from({ length: KEYS }, (_, key) => ({
    id: `${key}-${number}`,
    key: `k${key}`,
    headers: {},
    body,
  }));
  const outcomes = await transport.publish({ topic: 't' }, messages, { deadlineMs: 10_000 });
  expect(outcomes.map(({ kind }) => kind)).toEqual(messages.map(() => 'accepted'));
}

it('keeps the order of keys over three processes, of which two are killed', async () => {
  const options = { urls: server.urls, namePrefix: 'keys.' };
  const { transport } = await connected(options);
  const task = { module: 'test/conformance/rabbitmq.factory.ts', storage: JSON.stringify(options) };
  await keepOrderOverProcesses('rabbitmq', transport, task);
}, 120_000);

it('gives each of three processes a share, also when all of them begin at the same moment', async () => {
  const options = { urls: server.urls, namePrefix: 'shares.' };
  const all = await Promise.all([1, 2, 3].map(() => connected(options)));
  const groups = Array.from({ length: 12 }, (_, index) => `g${index}`);
  // Its queues are declared in the first round, and are there in the others: the processes are closer together then.
  for (let round = 0; round < 3; round++) {
    const served = new Set<string>();
    const consumers = await Promise.all(
      groups.flatMap((group) =>
        all.map(({ transport }, by) => {
          const take: OnDelivery = () => {
            served.add(`${by} serves ${group}`);
            return Promise.resolve(ACK);
          };
          return keyed(transport, group, take);
        }),
      ),
    );
    let number = 0;
    // While they share, everybody may have a queue for a moment.
    await publishToAllKeys(all[0]!.transport, number++);
    await wait(2_500);
    served.clear();
    const everybodyServes = async (): Promise<boolean> => {
      await publishToAllKeys(all[0]!.transport, number++);
      return served.size === all.length * groups.length;
    };
    await waitUntil('every process serves every group', everybodyServes, 8_000);
    await Promise.all(consumers.map((consumer) => consumer.stop()));
  }
  expect(all.flatMap(({ errors }) => errors())).toEqual([]);
}, 120_000);

it.each(['quorum', 'classic'])(
  'leaves nothing of a %s queue to another process while a message of it is on its way',
  async (queueType) => {
    const proxy = await startFaultProxy({ targetPort: Number(new URL(server.urls[0]!).port) });
    const options = { namePrefix: `slow-${queueType}.`, queueType };
    const slow = await connected({ ...options, urls: [throughProxy(server, proxy)] });
    const quick = await connected({ ...options, urls: server.urls });
    const groups = ['a', 'b', 'c', 'd'];
    const inFlight = new Map<string, string>();
    const overlaps: string[] = [];
    const served = { slow: 0, quick: 0 };
    const serve =
      (by: keyof typeof served, group: string, forMs: number): OnDelivery =>
      async ({ message: { id, key = '' } }) => {
        served[by] += 1;
        const lane = `${group} ${key}`;
        const other = inFlight.get(lane);
        if (other !== undefined) overlaps.push(`${by} begins ${id} of ${lane} while ${other} is in hand`);
        inFlight.set(lane, id);
        await wait(forMs);
        inFlight.delete(lane);
        return ACK;
      };
    try {
      for (const group of groups) await keyed(slow.transport, group, serve('slow', group, 1_500));
      proxy.inject({ latencyMs: 300 });
      for (let number = 0; number < PER_KEY; number++) await publishToAllKeys(quick.transport, number);
      for (const group of groups) await keyed(quick.transport, group, serve('quick', group, 5));
      const all = groups.length * KEYS * PER_KEY;
      await waitUntil('all is handled', () => Promise.resolve(served.slow + served.quick >= all));
      expect(served.quick).toBeGreaterThan(PER_KEY);
      expect(overlaps).toEqual([]);
    } finally {
      proxy.heal();
      await closeAll();
      await proxy.stop();
    }
  },
  120_000,
);
