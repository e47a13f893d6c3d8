import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Delivery, RefusedMessage } from '../../src/core/messaging/ports/transport.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { asSomebodyElse, connected, publishedRaw } from './rabbitmq-bench.js';
import { type Bench, bench, closeAll, collected } from './transport-bench.js';

let server: RabbitmqCluster;

beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);

const options = (more: object = {}): object => ({ urls: server.urls, ...more });
const messages = (...ids: string[]): { id: string; headers: Record<string, string>; body: Buffer }[] =>
  ids.map((id) => ({ id, headers: { tenant: 'a' }, body: Buffer.from('x') }));
const reasonsOf = (deliveries: readonly Delivery[]): string[] =>
  deliveries.map(({ message, unacceptable }) => `${message.id} ${unacceptable?.reason}`).sort();

/** A group that exists, and that no process consumes for now. */
async function declared(transport: RabbitmqTransport, topic: string): Promise<void> {
  const subscription = { topic, group: 'g', concurrency: 1, ordering: 'none' } as const;
  await (await transport.consume(subscription, () => Promise.resolve({ kind: 'ack' }))).stop();
}

describe.each(['quorum', 'classic'] as const)('a policy on a %s queue of a group', (queueType) => {
  const prefix = `${queueType}.`;
  const policy = (name: string, definition: object): Promise<string> =>
    server.control(
      'set_policy',
      `${queueType}-${name}`,
      `^${queueType}\\.${name}/g$`,
      JSON.stringify(definition),
      '--apply-to',
      'queues',
    );

  it('that lets messages expire makes them dead letters of the group', async () => {
    const { transport } = await connected(options({ namePrefix: prefix, queueType }));
    await collected(transport, 'other'); // so that due messages are routed
    await declared(transport, 'ttl');
    await policy('ttl', { 'message-ttl': 500 });
    const outcomes = await transport.publish({ topic: 'ttl' }, messages('1', '2', '3'), {
      deadlineMs: 5_000,
    });
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted']);
    const isReported = (): boolean =>
      transport.problems().some(({ code, group }) => code === 'messages_removed' && group === 'g');
    await waitUntil('it is reported', async () => isReported());
    await wait(2_000);
    expect((await transport.backlog({ topic: 'ttl', group: 'g' })).ready).toBe(3);
    const deliveries = await collected(transport, 'ttl');
    await waitUntil('all are there', async () => deliveries.length === 3);
    expect(reasonsOf(deliveries)).toEqual(['1 expired', '2 expired', '3 expired']);
    expect(deliveries[0]?.message.headers).toEqual({ tenant: 'a' });
    expect(deliveries[0]?.unacceptable?.detail).toContain(`${prefix}ttl/g`);
  });

  it('that drops the oldest message at a length limit makes it a dead letter of the group', async () => {
    const { transport } = await connected(options({ namePrefix: prefix, queueType }));
    await collected(transport, 'other');
    await declared(transport, 'length');
    await policy('length', { 'max-length': 1, overflow: 'drop-head' });
    await wait(500);
    await transport.publish({ topic: 'length' }, messages('1', '2', '3'), { deadlineMs: 5_000 });
    await wait(2_000);
    const deliveries = await collected(transport, 'length');
    await waitUntil('all are there', async () => new Set(reasonsOf(deliveries)).size === 3);
    const dropped = deliveries.filter(({ unacceptable }) => unacceptable?.reason === 'queue_overflow');
    expect(dropped.length).toBeGreaterThanOrEqual(2);
  });
});

it('a delivery limit by a policy makes a message a dead letter that names the queue', async () => {
  const { transport } = await connected(options({ namePrefix: 'limit.' }));
  await declared(transport, 't');
  await server.control(
    'set_policy',
    'limit',
    '^limit\\.t/g$',
    '{"delivery-limit":2}',
    '--apply-to',
    'queues',
  );
  await wait(500);
  await transport.publish({ topic: 't' }, messages('killer'), { deadlineMs: 5_000 });
  for (let crash = 0; crash <= 2; crash++)
    await waitUntil('it is delivered', () =>
      asSomebodyElse(server, async (channel) => (await channel.get('limit.t/g')) !== false),
    );
  const deliveries = await collected(transport, 't');
  await waitUntil('it arrives', async () => deliveries.length === 1);
  expect(reasonsOf(deliveries)).toEqual(['killer max_deliveries']);
  expect(deliveries[0]?.unacceptable?.detail).toContain('"limit.t/g" at its delivery limit');
});

describe('a message from outside', () => {
  it('is not believed what only the transport may say, and that is counted', async () => {
    const { transport, events } = await connected(options({ namePrefix: 'forged.' }));
    const deliveries = await collected(transport, 't');
    const headers = {
      'x-swy-attempt': 99,
      'x-swy-topic': 'invented',
      'x-swy-due-at': 1,
      'x-swy-delay-ms': 1,
      'x-swy-dead-letter-id': 'd',
      'x-delivery-count': 98,
      tenant: 'a',
    };
    await publishedRaw(server, { exchange: 'forged.t' }, Buffer.from('x'), { headers });
    await publishedRaw(server, { exchange: 'forged.t' }, Buffer.alloc(0), {
      headers: { 'x-swy-probe': 'q' },
    });
    await waitUntil('both are there', async () => deliveries.length === 2);
    expect(deliveries.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(deliveries.map(({ message }) => message.headers)).toEqual([{ tenant: 'a' }, {}]);
    expect(events.filter(({ type }) => type === 'headers-ignored')).toHaveLength(2);
  });

  it('keeps its headers through a retry, whatever their names are, and has an id of its own', async () => {
    const { transport } = await connected(options({ namePrefix: 'named.' }));
    const deliveries = await collected(transport, 't', ({ attempt }) =>
      attempt === 1 ? { kind: 'retry', delayMs: 100 } : { kind: 'ack' },
    );
    const headers = { constructor: 'c', 'x-first-death-queue': 'q' };
    for (let copy = 0; copy < 2; copy++)
      await publishedRaw(server, { exchange: 'named.t' }, Buffer.from('same'), { headers });
    await waitUntil('each comes twice', async () => deliveries.length === 4);
    const ids = deliveries.map(({ message }) => message.id);
    expect(new Set(ids).size).toBe(2);
    for (const { message } of deliveries)
      expect(Object.entries(message.headers)).toEqual(Object.entries(headers));
  });

  it('in a delay queue without a readable destination becomes a dead letter with its bytes', async () => {
    const { transport } = await connected(options({ namePrefix: 'odd.' }));
    const deliveries = await collected(transport, 't', ({ message, attempt }) =>
      message.id === 'ours' && attempt === 1 ? { kind: 'retry', delayMs: 64 } : { kind: 'ack' },
    );
    await transport.publish({ topic: 't' }, messages('ours'), { deadlineMs: 5_000 });
    await waitUntil('the retry is there', async () => deliveries.length === 2);
    await publishedRaw(server, { routingKey: 'odd.t/g/~wait.64' }, Buffer.from([0, 255]), {
      messageId: 'raw',
    });
    await waitUntil('it arrives', async () => deliveries.length === 3);
    expect(reasonsOf(deliveries.slice(2))).toEqual(['raw deserialization_failed']);
    expect([...(deliveries[2]?.message.body ?? [])]).toEqual([0, 255]);
    expect(transport.problems()).toEqual([
      expect.objectContaining({ code: 'unreadable_message', group: 'g' }),
    ]);
  });
});

describe('a retry that the broker refuses', () => {
  async function keeping(more: object): Promise<Bench<RabbitmqTransport> & { kept: RefusedMessage[] }> {
    const kept: RefusedMessage[] = [];
    const keepRefused = (refused: RefusedMessage): Promise<void> => {
      kept.push(refused);
      return Promise.resolve();
    };
    const settings = rabbitmqOptionsSchema.parse({
      namePrefix: `${randomUUID().slice(0, 8)}.`,
      ...options(more),
    });
    const made = bench((context) => new RabbitmqTransport(settings, { ...context, keepRefused }), 'rabbitmq');
    await made.transport.connect();
    return { ...made, kept };
  }

  it('because its headers do not fit into a frame becomes a dead letter and frees its slot', async () => {
    const { transport, kept } = await keeping({});
    const large = { grown: 'x'.repeat(70_000) };
    const handled: string[] = [];
    const subscription = { topic: 't', group: 'g', concurrency: 1, ordering: 'none' } as const;
    const consumer = await transport.consume(subscription, ({ message }) => {
      handled.push(message.id);
      return Promise.resolve(
        message.id === 'last' ? { kind: 'ack' } : { kind: 'retry', delayMs: 10, headers: large },
      );
    });
    await transport.publish({ topic: 't' }, messages('1', '2', '3', 'last'), { deadlineMs: 5_000 });
    await waitUntil('the last one is handled', async () => handled.includes('last'));
    expect(kept.map(({ message }) => message.id)).toEqual(['1', '2', '3']);
    expect(kept[0]).toMatchObject({
      to: { topic: 't', group: 'g' },
      attempts: 1,
      error: { code: 'MESSAGE_TOO_LARGE' },
    });
    await consumer.stop();
  });

  it('because it is forbidden becomes a dead letter, and closes the channel for the others only once', async () => {
    await server.control('add_user', 'reader', 'reader');
    const permit = (write: string): Promise<string> =>
      server.control('set_permissions', 'reader', '.*', write, '.*');
    await permit('.*');
    const { transport, kept } = await keeping({
      username: 'reader',
      password: 'reader',
      namePrefix: 'read.',
    });
    const handled: string[] = [];
    await transport.consume({ topic: 't', group: 'g', concurrency: 2, ordering: 'none' }, ({ message }) => {
      handled.push(message.id);
      return Promise.resolve({ kind: 'retry', delayMs: 0 });
    });
    await permit('^read\\.'); // all but the default exchange, through which retries go
    await server.control('close_all_connections', '--vhost', '/', 'by the test');
    await waitUntil('it accepts', async () => {
      const [outcome] = await transport.publish({ topic: 't' }, messages('1'), { deadlineMs: 2_000 });
      return outcome?.kind === 'accepted';
    });
    await transport.publish({ topic: 't' }, messages('2', '3'), { deadlineMs: 5_000 });
    await waitUntil(
      'all are dead letters',
      async () => new Set(kept.map(({ message }) => message.id)).size === 3,
    );
    expect(kept[0]?.error).toMatchObject({ code: 'FORBIDDEN' });
    await transport.publish({ topic: 't' }, messages('4'), { deadlineMs: 5_000 });
    await waitUntil('others are handled', async () => handled.includes('4'));
  });
});
