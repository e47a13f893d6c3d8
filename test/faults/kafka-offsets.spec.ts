import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import type { TransportEvent } from '../../src/core/messaging/ports/transport.js';
import type { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './kafka-bench.js';
import { closeAll, closeOne, collected, publishOne } from './transport-bench.js';

let server: KafkaCluster;
let admin: Admin;

beforeAll(async () => {
  server = await startKafka();
  admin = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
}, 120_000);
afterAll(async () => {
  await admin.disconnect();
  await server.stop();
});
afterEach(closeAll);

const options = (): { brokers: string[]; namePrefix: string } => ({
  brokers: server.brokers,
  namePrefix: `${randomUUID().slice(0, 8)}.`,
});

async function publishMany(transport: KafkaTransport, prefix: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, nth) => `${prefix}${nth}`);
  const messages = ids.map((id) => ({ id, key: id, headers: {}, body: Buffer.from('x') }));
  const outcomes = await transport.publish({ topic: 't' }, messages, { deadlineMs: 10_000 });
  expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true);
  return ids;
}

/** A group that has handled 30 messages, and does not run any more. */
async function handled(place: object): Promise<void> {
  const bench = await connected(place);
  const deliveries = await collected(bench.transport, 't');
  await publishMany(bench.transport, 'before', 30);
  await waitUntil('all are handled', async () => deliveries.length >= 30);
  await closeOne(bench);
}

async function setOffsets(groupId: string, topic: string, offset: number): Promise<void> {
  const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition }) => ({
    partition,
    offset: String(offset),
  }));
  await waitUntil('the group is empty', async () =>
    admin.setOffsets({ groupId, topic, partitions }).then(
      () => true,
      () => false,
    ),
  );
}

/** Removes all but the last `keep` messages of each partition. @returns how many are left. */
async function deleteRecords(topic: string, keep: number): Promise<number> {
  const found = await admin.fetchTopicOffsets(topic);
  const partitions = found.map(({ partition, low, high }) => ({
    partition,
    offset: String(Math.max(Number(low), Number(high) - keep)),
  }));
  await admin.deleteTopicRecords({ topic, partitions });
  return found.reduce((sum, { low, high }) => sum + Math.min(keep, Number(high) - Number(low)), 0);
}

const lost = (events: readonly TransportEvent[]): TransportEvent[] =>
  events.filter((event) => event.type === 'problem' && event.problem.code === 'offset_lost');
const removed = (events: readonly TransportEvent[]): { count: number; reason: string }[] =>
  events.flatMap((event) =>
    event.type === 'unread-removed' ? [{ count: event.count, reason: event.reason }] : [],
  );
const sumOf = (found: { count: number }[]): number => found.reduce((sum, { count }) => sum + count, 0);

const topicOf = ({ namePrefix }: { namePrefix: string }): string => `${namePrefix}t`;
const groupOf = ({ namePrefix }: { namePrefix: string }): string => `${namePrefix}t..g`;

describe('an offset beyond the end of the log', () => {
  it('loses nothing that is accepted: reading continues at the oldest message, and it is reported', async () => {
    const place = options();
    await handled(place);
    for (const round of ['a', 'b']) {
      await setOffsets(groupOf(place), topicOf(place), 100_000);
      const bench = await connected(place);
      const deliveries = await collected(bench.transport, 't');
      const ids = await publishMany(bench.transport, round, 50);
      await waitUntil('all are handled', async () => {
        const seen = new Set(deliveries.map(({ message }) => message.id));
        return ids.every((id) => seen.has(id));
      });
      await waitUntil('it is reported', async () => lost(bench.events).length > 0);
      expect(lost(bench.events)).toMatchObject([{ problem: { topic: 't', group: 'g' } }]);
      expect(removed(bench.events)).toEqual([]);
      // What was handled is known again.
      const count = deliveries.length;
      await closeOne(bench);
      const next = await connected(place);
      const again = await collected(next.transport, 't');
      await wait(2_000);
      expect({ again: again.length, lost: lost(next.events).length, count: count > 0 }).toEqual({
        again: 0,
        lost: 0,
        count: true,
      });
      await closeOne(next);
    }
  }, 120_000);

  it('finds messages that wait', async () => {
    const place = { ...options(), partitions: 1 };
    const first = await connected(place);
    const before = await collected(first.transport, 't');
    const message = { id: 'a', headers: {}, body: Buffer.from('x') };
    await first.transport.publish({ topic: 't' }, [message], { deadlineMs: 5_000, delayMs: 300 });
    await waitUntil('it has come', async () => before.length === 1);
    await closeOne(first);
    await setOffsets(`${place.namePrefix}.router`, `${place.namePrefix}.wait.short`, 100_000);
    const bench = await connected(place);
    const deliveries = await collected(bench.transport, 't');
    const later = { ...message, id: 'b' };
    await bench.transport.publish({ topic: 't' }, [later], { deadlineMs: 5_000, delayMs: 300 });
    await waitUntil('it comes', async () => deliveries.some(({ message: { id } }) => id === 'b'));
    await waitUntil('it is reported', async () => lost(bench.events).length > 0);
    expect(lost(bench.events)).toMatchObject([{ problem: { topic: `${place.namePrefix}.wait.short` } }]);
  }, 60_000);
});

describe('an offset before the start of the log', () => {
  it('continues at the oldest message, and reports how many are gone', async () => {
    const place = options();
    await handled(place);
    const publisher = await connected(place);
    await publishMany(publisher.transport, 'unread', 60);
    const left = await deleteRecords(topicOf(place), 5);
    const bench = await connected(place);
    const deliveries = await collected(bench.transport, 't');
    await waitUntil('what is left is handled', async () => deliveries.length === left);
    await waitUntil('it is reported', async () => removed(bench.events).length > 0);
    expect(sumOf(removed(bench.events))).toBe(60 - left);
    expect(removed(bench.events)[0]).toMatchObject({ reason: 'log_start_moved' });
    expect(lost(bench.events)).toHaveLength(1);
  }, 60_000);

  it('is noticed while a consumer runs', async () => {
    const place = { ...options(), partitions: 1 };
    const bench = await connected(place);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const got: string[] = [];
    const subscription = { topic: 't', group: 'g', concurrency: 1, ordering: 'none' as const };
    await bench.transport.consume(subscription, async ({ message, attempt }) => {
      got.push(`${message.id}#${attempt}`);
      if (got.length > 1) return { kind: 'ack' };
      await held;
      return { kind: 'retry', delayMs: 100 };
    });
    await publishMany(bench.transport, 'first', 1);
    await waitUntil('it is in flight', async () => got.length === 1);
    // More than the client fetches ahead.
    const body = Buffer.alloc(200_000);
    for (let nth = 0; nth < 30; nth++)
      await bench.transport.publish({ topic: 't' }, [{ id: `m${nth}`, headers: {}, body }], {
        deadlineMs: 9_000,
      });
    await deleteRecords(topicOf(place), 1);
    release();
    await waitUntil('the last comes', async () => got.includes('m29#1'));
    await waitUntil('its retry comes, although the record is gone', async () => got.includes('first0#2'));
    await waitUntil('it is reported', async () => removed(bench.events).length > 0);
    const read = got.filter((id) => id.startsWith('m')).length;
    expect(sumOf(removed(bench.events))).toBe(30 - read);
  }, 60_000);
});

describe('the option', () => {
  it('latest: continues after the newest message, and counts what it skips', async () => {
    const place = { ...options(), onOffsetLost: 'latest' };
    await handled(place);
    await setOffsets(groupOf(place), topicOf(place), 100_000);
    const bench = await connected(place);
    const deliveries = await collected(bench.transport, 't');
    await waitUntil('it is reported', async () => removed(bench.events).length > 0);
    expect(removed(bench.events)).toEqual([{ count: 30, reason: 'offset_lost_latest' }]);
    await publishOne(bench.transport, 't', { id: 'new' });
    await waitUntil('it comes', async () => deliveries.some(({ message }) => message.id === 'new'));
    expect(deliveries).toHaveLength(1);
  }, 60_000);

  it('stop: reads nothing there until the offset is set, and reports it while it lasts', async () => {
    const place = { ...options(), onOffsetLost: 'stop' };
    await handled(place);
    await setOffsets(groupOf(place), topicOf(place), 100_000);
    const bench = await connected(place);
    const deliveries = await collected(bench.transport, 't');
    await publishMany(bench.transport, 'more', 10);
    await waitUntil('it is reported', async () => bench.transport.problems().length > 0);
    await wait(2_000);
    expect(deliveries).toEqual([]);
    // Other topics of the group are read.
    await publishOne(bench.transport, { topic: 't', group: 'g' }, { id: 'own' });
    await waitUntil('it comes', async () => deliveries.length === 1);
    expect(bench.transport.problems()).toMatchObject([{ code: 'offset_lost', topic: 't', group: 'g' }]);
    await closeOne(bench);
    await setOffsets(groupOf(place), topicOf(place), 0);
    const next = await connected(place);
    const again = await collected(next.transport, 't');
    await waitUntil('all come', async () => again.length >= 40);
    expect(next.transport.problems()).toEqual([]);
  }, 90_000);
});
