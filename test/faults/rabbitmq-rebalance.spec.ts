import { setTimeout as wait } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import type { Delivery, Settlement } from '../../src/core/messaging/ports/transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitWhileMoving } from '../support/brokers/wait-until.js';
import { connected } from './rabbitmq-bench.js';
import { closeAll, closeOne } from './transport-bench.js';

const TOPIC = 'orders';
const KEYS = 16;
const ROUNDS = 10;

let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
}, 180_000);
afterAll(() => server.stop(), 60_000);
afterEach(closeAll, 60_000);

it.each(['key', 'none'] as const)(
  'a process that joins and leaves a group with ordering %s uses no attempt of any message',
  async (ordering) => {
    const subscription = { topic: TOPIC, group: 'g', ordering, concurrency: 8 };
    const options = { urls: server.urls, namePrefix: `${randomUUID().slice(0, 8)}.` };
    const handled = new Map<string, number>();
    const surplus: string[] = [];
    const handle = async ({ message, attempt }: Delivery): Promise<Settlement> => {
      handled.set(message.id, (handled.get(message.id) ?? 0) + 1);
      if (attempt > 1) surplus.push(message.id);
      return { kind: 'ack' };
    };
    const { transport } = await connected(options);
    await transport.consume(subscription, handle);
    let isOver = false;
    const published: string[] = [];
    const publishing = Promise.all(
      Array.from({ length: KEYS }, async (_, of) => {
        for (let nth = 0; !isOver; nth += 1) {
          const id = `k${of}-${nth}`;
          const message = { id, key: `k${of}`, headers: {}, body: Buffer.from('{}') };
          const [outcome] = await transport.publish({ topic: TOPIC }, [message], { deadlineMs: 20_000 });
          if (outcome?.kind === 'accepted') published.push(id);
          await wait(of % 4); // queues that are always busy, and such that are not
        }
      }),
    );
    for (let round = 0; round < ROUNDS; round += 1) {
      const other = await connected(options);
      const consumer = await other.transport.consume(subscription, handle);
      await wait(1_500); // the first one gives up half of its queues once a second
      await consumer.stop();
      await closeOne(other);
    }
    isOver = true;
    await publishing;
    await waitWhileMoving(
      'everything is handled',
      async () => published.every((id) => handled.has(id)),
      () => handled.size,
    );
    expect(surplus).toEqual([]);
    expect([...handled].filter(([, times]) => times > 1)).toEqual([]);
  },
  180_000,
);
