import { randomUUID } from 'node:crypto';
import { type Admin, CompressionTypes, Kafka, logLevel, Partitioners } from 'kafkajs';
import { DECODE_LIMITS } from '../../src/infrastructure/services/kafka/wire/decode-limits.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { produceRaw, rawBatch, recordOfHeaders } from '../support/kafka-batches.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected, kafkaBench } from './kafka-bench.js';
import { closeAll, collected } from './transport-bench.js';

/** Of the topic: less than a message has before it is compressed. */
const MAX_BYTES = 10_000;
let server: KafkaCluster;
let kafka: Kafka;
let admin: Admin;

beforeAll(async () => {
  server = await startKafka();
  kafka = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING });
  admin = kafka.admin();
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

it.each(['none', 'gzip', 'snappy'] as const)(
  'sends what fits when it is compressed with %s, and reads what any of them has compressed',
  async (compression) => {
    const place = options();
    const config = { name: 'max.message.bytes', value: String(MAX_BYTES) };
    await admin.createTopics({
      topics: [{ topic: `${place.namePrefix}t`, numPartitions: 3, configEntries: [config] }],
    });
    const { transport } = await connected({ ...place, compression });
    const reader = await connected(place);
    const seen = await collected(reader.transport, 't');
    const body = Buffer.from('all work and no play '.repeat(5_000));
    const messages = ['a', 'b', 'c'].map((id) => ({ id, key: 'k', headers: { ключ: 'é' }, body }));
    const outcomes = await transport.publish({ topic: 't' }, messages, { deadlineMs: 20_000 });
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(
      new Set([compression === 'none' ? 'refused' : 'accepted']),
    );
    if (compression === 'none') return;
    await waitUntil('all arrive', async () => seen.length >= messages.length);
    expect(seen.map(({ message }) => message.id)).toEqual(['a', 'b', 'c']);
    for (const { message } of seen)
      expect({ ...message, body: Buffer.from(message.body).equals(body) }).toMatchObject({
        key: 'k',
        headers: { ключ: 'é' },
        body: true,
      });
  },
  60_000,
);

it.each([
  ['lz4', 'kafkajs-lz4'],
  ['zstd', '@kafkajs/zstd'],
])('does not connect with %s when its package is not there, and says which', async (compression, name) => {
  const { transport } = kafkaBench({ ...options(), compression });
  await expect(transport.connect()).rejects.toMatchObject({
    code: 'DEPENDENCY_MISSING',
    message: expect.stringContaining(`npm install ${name}`) as string,
  });
});

it('keeps a compression bomb for a dead letter as it is, and reads what comes after it', async () => {
  const place = options();
  const { transport, errors } = await connected({ ...place, partitions: 1 });
  const seen = await collected(transport, 'bomb');
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const value = Buffer.alloc(DECODE_LIMITS.maxExpandedBytes + 1);
  const compression = CompressionTypes.GZIP;
  await producer.send({ topic: `${place.namePrefix}bomb`, compression, messages: [{ value }] });
  await producer.disconnect();
  const message = { id: 'm', headers: {}, body: Buffer.from('x') };
  await transport.publish({ topic: 'bomb' }, [message], { deadlineMs: 10_000 });
  await waitUntil('both come', async () => seen.length === 2);
  expect(seen.map(({ unacceptable }) => unacceptable?.reason)).toEqual(['deserialization_failed', undefined]);
  expect(seen[0]?.message.body.length).toBeLessThan(200_000);
  // The producer of this test compresses in one turn. Its consumer may be late for its group meanwhile.
  expect(errors().filter((text) => !text.includes('UNKNOWN_MEMBER_ID'))).toEqual([]);
}, 90_000);

it('delivers a bomb again whose dead letter cannot be stored yet, and not as a message', async () => {
  const place = options();
  const { transport } = await connected({ ...place, partitions: 1 });
  const seen = await collected(transport, 't', () =>
    seen.length < 3 ? { kind: 'retry', delayMs: 100 } : { kind: 'ack' },
  );
  expect(
    await produceRaw(
      server.nodes[0]!.port,
      `${place.namePrefix}t`,
      rawBatch(recordOfHeaders(60_000, 'x'), { count: 1 }),
    ),
  ).toBe(0);
  await waitUntil('it comes three times', async () => seen.length === 3);
  expect(seen.map(({ attempt, unacceptable }) => [attempt, unacceptable?.reason])).toEqual(
    new Array(3).fill([1, 'deserialization_failed']),
  );
  await waitUntil('it is settled', async () => {
    const { ready, inFlight, delayed } = await transport.backlog({ topic: 't', group: 'g' });
    return ready + inFlight + delayed === 0;
  });
}, 60_000);
