import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Admin, Kafka, logLevel, type Message, Partitioners, type Producer } from 'kafkajs';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Delivery, RefusedMessage, TransportEvent } from '../../src/core/messaging/ports/transport.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './kafka-bench.js';
import { closeAll, closeOne, collected, publishOne } from './transport-bench.js';

let server: KafkaCluster;
let admin: Admin;
let producer: Producer;

beforeAll(async () => {
  server = await startKafka();
  const kafka = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING });
  admin = kafka.admin();
  producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await Promise.all([admin.connect(), producer.connect()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  await server.stop();
});
afterEach(closeAll);

const options = (): { brokers: string[]; namePrefix: string } => ({
  brokers: server.brokers,
  namePrefix: `${randomUUID().slice(0, 8)}.`,
});
const send = (topic: string, ...messages: Message[]): Promise<unknown> => producer.send({ topic, messages });
const idsOf = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ message }) => message.id);

describe('foreign records without an id', () => {
  it('have an id each although they are equal, tombstones too, and keep it through retries', async () => {
    const place = options();
    const { transport } = await connected(place);
    const deliveries = await collected(transport, 't', ({ attempt }) =>
      attempt === 1 ? { kind: 'retry', delayMs: 50 } : { kind: 'ack' },
    );
    const tombstones = Array.from({ length: 20 }, (_, nth) => ({ key: `k${nth}`, value: null }));
    await send(`${place.namePrefix}t`, { value: '{"tick":1}' }, { value: '{"tick":1}' }, ...tombstones);
    await waitUntil('all come twice', async () => deliveries.length === 44);
    const firsts = deliveries.filter(({ attempt }) => attempt === 1);
    expect(new Set(idsOf(firsts)).size).toBe(22);
    expect(idsOf(deliveries.filter(({ attempt }) => attempt === 2)).sort()).toEqual(idsOf(firsts).sort());
    for (const id of idsOf(firsts)) expect(id).toMatch(/^[0-9a-f]{8}\.t-\d+-\d+-\d{13}$/);
    expect(new Set(firsts.map(({ message }) => message.key)).size).toBe(21);
  }, 60_000);
});

describe('control headers', () => {
  const FORGED = {
    'x-swy-attempt': '99',
    'x-swy-dead-letter-id': 'of another',
    'x-swy-topic': 'invented',
    'x-swy-due-at': '9999999999999',
    'x-swy-delay-ms': '9999999999',
  };

  it('from the topic of all groups are ignored and counted, those in the topic of the group believed', async () => {
    const place = options();
    const { transport, events } = await connected(place);
    const deliveries = await collected(transport, 't');
    await send(
      `${place.namePrefix}t`,
      { key: 'k', value: 'x', headers: { ce_id: 'forged', ...FORGED, other: 'o' } },
      { key: 'k', value: 'x', headers: { ce_id: 'plain' } },
    );
    await send(`${place.namePrefix}t..g`, { value: 'x', headers: { ce_id: 'own', ...FORGED } });
    await waitUntil('all come', async () => deliveries.length === 3);
    const byId = new Map(deliveries.map((delivery) => [delivery.message.id, delivery]));
    expect(byId.get('forged')).toMatchObject({ attempt: 1, message: { headers: { other: 'o' } } });
    expect(Object.keys(byId.get('forged')!.message.headers)).toEqual(['other']);
    expect(byId.get('own')?.attempt).toBe(99);
    expect(byId.get('own')?.message.headers).toHaveProperty('x-swy-dead-letter-id', 'of another');
    expect(events.filter(({ type }) => type === 'headers-ignored')).toEqual([
      { type: 'headers-ignored', topic: 't', group: 'g', count: 1 },
    ]);
  }, 30_000);
});

describe('a record of a wait topic', () => {
  const waiting = (headers: Record<string, string>): Message => ({
    key: 'k',
    value: Buffer.from([0, 255]),
    headers,
  });

  it('that cannot be read becomes a dead letter with its bytes, once, and is reported', async () => {
    const place = options();
    const { transport, events, errors } = await connected(place);
    const deliveries = await collected(transport, 't');
    await send(
      `${place.namePrefix}.wait.short`,
      waiting({ some: 'header' }),
      waiting({ 'x-swy-topic': 't', 'x-swy-group': 'g', 'x-swy-due-at': 'soon', ce_id: 'named' }),
    );
    await waitUntil('both come', async () => deliveries.length === 2);
    for (const { message, unacceptable } of deliveries) {
      expect(unacceptable?.reason).toBe('deserialization_failed');
      expect(unacceptable?.detail).toContain(`${place.namePrefix}.wait.short`);
      expect([...message.body]).toEqual([0, 255]);
    }
    expect(deliveries.map(({ message }) => message.headers['some'])).toEqual(['header', undefined]);
    expect(problems(events, 'unreadable_record')).toHaveLength(2);
    expect(errors()).toEqual([]);
    await wait(500); // until it is committed
    await closeAll();
    const again = await collected((await connected(place)).transport, 't');
    await wait(2_000);
    expect(again).toEqual([]);
  }, 60_000);

  it('that its destination refuses becomes a dead letter of its group', async () => {
    const place = options();
    const kept: RefusedMessage[] = [];
    const { transport } = await keeping(place, kept);
    await collected(transport, 't');
    const now = Date.now();
    const delay = { 'x-swy-due-at': String(now + 100), 'x-swy-delay-ms': '100', 'x-swy-topic': 'not/a/name' };
    await send(`${place.namePrefix}.wait.short`, waiting({ ...delay, ce_id: 'lost?' }));
    await waitUntil('it is kept', async () => kept.length > 0);
    const refused = {
      to: { topic: 'not/a/name' },
      message: { id: 'lost?' },
      attempts: 0,
      reason: 'rejected',
    };
    expect(kept).toMatchObject([refused]);
    await transport.close();
  }, 30_000);

  it('that cannot be read and whose topic has no consumer here is kept with that reason', async () => {
    const place = options();
    const kept: RefusedMessage[] = [];
    const { transport } = await keeping(place, kept);
    await collected(transport, 't');
    await send(
      `${place.namePrefix}.wait.short`,
      waiting({ 'x-swy-topic': 'elsewhere', 'x-swy-due-at': 'soon', ce_id: 'unread' }),
    );
    await waitUntil('it is kept', async () => kept.length > 0);
    const unread = {
      to: { topic: 'elsewhere' },
      message: { id: 'unread' },
      reason: 'deserialization_failed',
    };
    expect(kept).toMatchObject([unread]);
    await transport.close();
  }, 30_000);

  it('with the fraction that an earlier version wrote is forwarded, and none is written', async () => {
    const place = options();
    const { transport, errors } = await connected(place);
    const deliveries = await collected(transport, 't', ({ attempt, message }) =>
      attempt === 1 && message.id === 'new' ? { kind: 'retry', delayMs: 0.1 * 3 * 1_000 } : { kind: 'ack' },
    );
    const dueAt = `${Date.now() + 300}.25`;
    await send(
      `${place.namePrefix}.wait.short`,
      waiting({ 'x-swy-topic': 't', 'x-swy-due-at': dueAt, 'x-swy-delay-ms': '300.5', ce_id: 'old' }),
    );
    const fresh = { id: 'new', headers: {}, body: Buffer.from('x') };
    await transport.publish({ topic: 't' }, [fresh], { deadlineMs: 5_000, delayMs: 300.5 });
    await waitUntil('all come', async () => deliveries.length === 3);
    expect(idsOf(deliveries).sort()).toEqual(['new', 'new', 'old']);
    expect(deliveries.every(({ unacceptable }) => unacceptable === undefined)).toBe(true);
    expect(errors()).toEqual([]);
  }, 30_000);
});

describe('a retry that the broker refuses', () => {
  it('becomes a dead letter and frees its slot, also while the transport closes', async () => {
    const place = options();
    for (const name of ['.wait.short', '.wait.8s'])
      await admin.createTopics({
        topics: [
          {
            topic: place.namePrefix + name,
            numPartitions: 1,
            configEntries: [{ name: 'max.message.bytes', value: '20000' }],
          },
        ],
      });
    const kept: RefusedMessage[] = [];
    const { transport, events } = await keeping(place, kept);
    const handled: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const subscription = { topic: 't', group: 'g', concurrency: 1, ordering: 'none' as const };
    await transport.consume(subscription, async ({ message: { id } }) => {
      handled.push(id);
      if (id === 'small') return { kind: 'ack' };
      if (id === 'closing') await held;
      return { kind: 'retry', delayMs: 100, headers: { 'x-swy-history': '1@1:Error' } };
    });
    const publish = (id: string, bytes: number): Promise<unknown> =>
      transport.publish({ topic: 't' }, [{ id, key: 'k', headers: {}, body: Buffer.alloc(bytes) }], {
        deadlineMs: 5_000,
      });
    await publish('large', 30_000);
    await publish('small', 10);
    await waitUntil('the next one is handled', async () => handled.includes('small'));
    expect(kept).toMatchObject([{ to: { topic: 't', group: 'g' }, attempts: 1, message: { id: 'large' } }]);
    expect(kept[0]?.message.body).toHaveLength(30_000);
    expect(kept[0]?.error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(problems(events, 'topic_settings').length).toBeGreaterThan(0);
    await publish('closing', 30_000);
    await waitUntil('it is in flight', async () => handled.includes('closing'));
    const closing = transport.close();
    await wait(200);
    release();
    const began = performance.now();
    await closing;
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(kept.map(({ message }) => message.id)).toEqual(['large', 'closing']);
    // Both are settled.
    const again = await collected((await connected(place)).transport, 't');
    await wait(2_000);
    expect(again).toEqual([]);
  }, 60_000);
});

it('a retry that counts no attempt has the same number again, also after a restart and with the next one', async () => {
  const place = options();
  const first = await connected(place);
  const seen = await collected(first.transport, 't', () => ({
    kind: 'retry',
    delayMs: 2_000,
    countsAttempt: false,
  }));
  await publishOne(first.transport, 't', { id: 'a' });
  await waitUntil('it has come', async () => seen.length === 1);
  await closeOne(first);
  const second = await connected(place);
  const then = await collected(second.transport, 't', ({ attempt }) => {
    if (then.length === 1) return { kind: 'retry', delayMs: 50 };
    return attempt < 3 ? { kind: 'retry', delayMs: 50, countsAttempt: false } : { kind: 'ack' };
  });
  await waitUntil('it comes again and again', async () => then.length >= 4);
  expect([...seen, ...then].slice(0, 5).map(({ attempt }) => attempt)).toEqual([1, 1, 2, 2, 2]);
}, 60_000);

const problems = (events: readonly TransportEvent[], code: string): TransportEvent[] =>
  events.filter((event) => event.type === 'problem' && event.problem.code === code);

/** A transport of an application, which keeps what a broker refuses. */
async function keeping(
  place: object,
  kept: RefusedMessage[],
): Promise<{ readonly transport: KafkaTransport; readonly events: TransportEvent[] }> {
  const events: TransportEvent[] = [];
  const settings = kafkaOptionsSchema.parse({ partitions: 1, sessionTimeoutMs: 6_000, ...place });
  const transport = new KafkaTransport(settings, {
    name: 'kafka',
    clock: systemClock,
    onEvent: (event) => events.push(event),
    keepRefused: async (refused) => void kept.push(refused),
  });
  await transport.connect();
  return { transport, events };
}
