import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  type DeadLetterSummary,
  defineMessage,
  MessageHandler,
  MESSAGING_VIEW,
  type MessagingView,
  systemClock,
} from '../../src/core/messaging/index.js';
import { kafkaOptionsSchema } from '../../src/infrastructure/services/kafka/kafka.options.js';
import { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { report } from './measured.js';
import { produceRaw, rawBatch, rawRecord, recordOfHeaders, varint } from '../support/kafka-batches.js';
import { MAX_BLOCK_MS, watchLoop } from '../support/loop-watch.js';
import { bootApp, closeApps } from '../support/messaging-app.js';
import { type PoisonRandom, poisonRandom } from '../support/poison-random.js';

const GZIP = 1;
const SNAPPY = 2;
const NO_SUCH_CODEC = 7;
const MIB = 2 ** 20;
/** Of the generator. */
const GENERATED_MS = Number(process.env['POISON_MS'] ?? 60_000);
/** Of this process, with the poison that it makes: of bombs one is expanded at a time. */
const MAX_BYTES = 1_200 * MIB;

const Ticked = defineMessage('ticked', z.object({ id: z.string() }));
const packed = promisify(gzip);
let server: KafkaCluster;
let port: number;

beforeAll(async () => {
  const config = ['message.max.bytes=20000000', 'socket.request.max.bytes=209715200'];
  server = await startKafka({ heapMb: 640, config });
  port = server.nodes[0]!.port;
}, 120_000);
afterEach(closeApps);
afterAll(() => server.stop());

/** Everything of a batch, when it is sent. */
type Poison = () => Promise<Buffer>;

/** Claims a value of this many zeros, which compress well. */
function zeros(bytes: number): Buffer {
  const body = Buffer.concat([Buffer.from([0, 0, 0]), varint(-1), varint(bytes), Buffer.alloc(bytes + 1)]);
  return Buffer.concat([varint(body.length), body]);
}

async function gzipBomb(bytes: number): Promise<Buffer> {
  return rawBatch(await packed(zeros(bytes)), { count: 1, attributes: GZIP });
}

const EMPTY = rawRecord(0);

/** Empty records take seven bytes and more, as their offsets grow. */
async function emptyRecords(count: number): Promise<Buffer> {
  const records: Buffer[] = [];
  for (let delta = 0; delta < count; delta += 1) {
    const offset = varint(delta);
    const head = [varint(EMPTY.length - 2 + offset.length), EMPTY.subarray(1, 3), offset];
    records.push(Buffer.concat([...head, EMPTY.subarray(4)]));
    if (delta % 10_000 === 0) await wait(0);
  }
  return rawBatch(await packed(Buffer.concat(records)), { count, attributes: GZIP });
}

/** In frames of 32 KiB, as the Java client writes them. */
async function snappyBomb(bytes: number): Promise<Buffer> {
  const { default: make } = (await import('kafkajs-snappy')) as unknown as {
    default: () => { compress(of: { buffer: Buffer }): Promise<Buffer> };
  };
  const codec = make();
  const plain = zeros(bytes);
  const int = (value: number): Buffer => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32BE(value);
    return buffer;
  };
  const frames: Buffer[] = [Buffer.from([130, 83, 78, 65, 80, 80, 89, 0]), int(1), int(1)];
  for (let at = 0; at < plain.length; at += 32 * 1024) {
    const part = await codec.compress({ buffer: plain.subarray(at, at + 32 * 1024) });
    frames.push(int(part.length), part);
    if (at % MIB === 0) await wait(0);
  }
  return rawBatch(Buffer.concat(frames), { count: 1, attributes: SNAPPY });
}

const headers = (count: number): Buffer => rawBatch(recordOfHeaders(count, '{"id":"h"}'), { count: 1 });
const largeHeader = (bytes: number): Buffer =>
  rawBatch(rawRecord(0, { value: '{"id":"h"}', headers: [['h', 'x'.repeat(bytes)]] }), { count: 1 });
const good = (...ids: readonly string[]): Buffer =>
  rawBatch(Buffer.concat(ids.map((id, delta) => rawRecord(delta, { value: JSON.stringify({ id }) }))), {
    count: ids.length,
  });

/** An application with one handler, on topics that take large batches. */
async function application(partitions: number) {
  const namePrefix = `${randomUUID().slice(0, 8)}.`;
  const problems: string[] = [];
  const errors: string[] = [];
  const transport = new KafkaTransport(
    kafkaOptionsSchema.parse({ brokers: server.brokers, namePrefix, partitions, maxMessageBytes: 16 * MIB }),
    {
      name: 'kafka',
      clock: systemClock,
      onEvent: (event) => {
        if (event.type === 'problem') problems.push(`${event.problem.code}: ${event.problem.detail}`);
        if (event.type === 'error') errors.push(event.error.message);
      },
    },
  );
  const handled = new Map<string, number>();
  @Injectable()
  class Handlers {
    @MessageHandler(Ticked, { group: 'g', concurrency: 10 })
    on({ id }: { id: string }): void {
      handled.set(id, (handled.get(id) ?? 0) + 1);
    }
  }
  const { app, deadLetters, events } = await bootApp({ providers: [Handlers] }, { transports: [transport] });
  const parked = async (): Promise<readonly DeadLetterSummary[]> =>
    (await deadLetters.list({}, { limit: 1_000 })).items;
  const states = (): string[] =>
    app
      .get<MessagingView>(MESSAGING_VIEW)
      .subscriptions()
      .map(({ state }) => state);
  /** Dead letters that were stored. */
  const parkedCount = (): number => events.filter(({ type }) => type === 'dead-letter-changed').length;
  return { topic: `${namePrefix}ticked`, handled, parked, parkedCount, states, problems, errors };
}

it.each<[string, Poison, RegExp]>([
  [
    'a gzip bomb',
    () => gzipBomb(130 * MIB),
    /^The batch at offsets 1 to 1 of partition 0 of topic ".+" cannot be read: it cannot be expanded \(it expands to more than 134217728 bytes\)\. It says that it has 1 records\. The first 13\d{4} of its 13\d{4} bytes are kept\.$/,
  ],
  [
    'frames of Snappy that expand to too much',
    () => snappyBomb(129 * MIB),
    /^The batch at offsets 1 to 1 .*it expands to more than 134217728 bytes/,
  ],
  [
    '2.9 million empty records',
    () => emptyRecords(2_900_000),
    /^The batch at offsets 1 to 2900000 .*it has more than 250000 records\. It says that it has 2900000 records\. The first 1048576 of its \d{7} bytes are kept\.$/,
  ],
  [
    '60,000 headers of one name',
    async () => headers(60_000),
    /^The record at offset 1 of partition 0 of topic ".+" cannot be read: it has 60000 headers, and 1000 are the most\.$/,
  ],
  [
    'a header of 2 MiB',
    async () => largeHeader(2 * MIB),
    /^The record at offset 1 .*its headers have \d{7} bytes, and 1048576 are the most/,
  ],
])(
  'costs itself only, and becomes one dead letter: %s',
  async (_, poison, detail) => {
    const { topic, handled, parked, states, problems, errors } = await application(1);
    const batch = await poison();
    global.gc?.();
    const stopWatching = watchLoop();
    for (const each of [good('before'), batch, good('after', 'the last')])
      expect(await produceRaw(port, topic, each)).toBe(0);
    await waitUntil('all are handled', async () => handled.size === 3);
    await waitUntil('it is parked', async () => (await parked()).length > 0);
    const { longestBlockMs } = stopWatching();
    await wait(1_000); // time for another one
    expect(await parked()).toMatchObject([
      { topic: 'ticked', group: 'g', reason: 'deserialization_failed', attempts: 0 },
    ]);
    expect((await parked())[0]?.error.message).toMatch(detail);
    expect([...handled.values()]).toEqual([1, 1, 1]);
    expect(problems.filter((text) => text.startsWith('unreadable_batch'))).toHaveLength(
      detail.source.startsWith('^The batch') ? 1 : 0,
    );
    expect([states(), errors]).toEqual([['running'], []]);
    expect(longestBlockMs).toBeLessThan(MAX_BLOCK_MS);
  },
  120_000,
);

it.each<[string, Buffer]>([
  ['a wrong checksum', rawBatch(rawRecord(0), { count: 1, crc: 1 })],
  ['a length beyond its end', rawBatch(rawRecord(0), { count: 1, length: 4_000 })],
  ['another format', rawBatch(rawRecord(0), { count: 1, magic: 3 })],
  ['a compression that does not exist', rawBatch(rawRecord(0), { count: 1, attributes: NO_SUCH_CODEC })],
  ['more records than it has', rawBatch(rawRecord(0), { count: 5 })],
  ['a record longer than it is', rawBatch(varint(900), { count: 1 })],
  [
    'offsets that do not follow',
    rawBatch(Buffer.concat([rawRecord(0, { value: '{"id":"first"}' }), rawRecord(0)]), { count: 2 }),
  ],
  ['headers longer than their record', rawBatch(Buffer.from([14, 0, 0, 0, 1, 1, 0xfe, 0x0f]), { count: 1 })],
])(
  'a batch with %s: the broker refuses it, or it costs itself only',
  async (kind, batch) => {
    const { topic, handled, parked, states, errors } = await application(1);
    expect(await produceRaw(port, topic, good('before'))).toBe(0);
    const isRefused = (await produceRaw(port, topic, batch)) !== 0;
    expect(await produceRaw(port, topic, good('after'))).toBe(0);
    await waitUntil('the others are handled', async () => handled.has('before') && handled.has('after'));
    await wait(500);
    const letters = await parked();
    report(`a batch with ${kind}`, isRefused ? 'refused' : letters.map(({ error }) => error.message).join());
    expect(letters).toHaveLength(isRefused ? 0 : 1);
    expect([states(), errors]).toEqual([['running'], []]);
  },
  60_000,
);

/** What the generator sends: whether it costs a dead letter, is handled, or may be either. */
interface Generated {
  readonly batch: Buffer;
  readonly parked: number;
  readonly handled: number;
  /** The broker may refuse it. Taken, it is handled or parked. */
  readonly isDamaged?: true;
}

type Kind = (random: PoisonRandom) => Generated;
const one = (batch: Buffer): Generated => ({ batch, parked: 1, handled: 0 });
/** Beyond a bound by a random size. */
const beyond = (bound: number, most: number, { size }: PoisonRandom): number => bound + 1 + size(most);

const KINDS: Readonly<Record<string, Kind>> = {
  'headers of one name': (random) => one(headers(beyond(1_000, 60_000, random))),
  'a large header': (random) => one(largeHeader(beyond(MIB, MIB, random))),
  'random bytes': ({ bytes, size }) =>
    one(rawBatch(rawRecord(0, { value: bytes(size(100_000)) }), { count: 1 })),
  'a tombstone': () => one(rawBatch(EMPTY, { count: 1 })),
  'offsets that do not follow': ({ below }) => {
    const first = rawRecord(0, { value: '{"id":"first"}' });
    const batch = rawBatch(Buffer.concat([first, rawRecord(-below(2), { value: '{}' })]), { count: 2 });
    return { batch, parked: 1, handled: 1, isDamaged: true };
  },
  'damaged bytes': ({ below, oneOf }) => {
    const record = rawRecord(0, { value: '{"id":"damaged"}', headers: [['a', 'b']] });
    for (let times = 1 + below(3); times > 0; times -= 1)
      record[below(record.length)] = oneOf([0, 1, 0x7f, 0x80, 0xff, below(256)]);
    return { batch: rawBatch(record, { count: 1 }), parked: 0, handled: 0, isDamaged: true };
  },
};

it('random poison between good messages costs nothing else, for a minute', async () => {
  const random = poisonRandom('poison of Kafka');
  const { topic, handled, parked, parkedCount, states, problems, errors } = await application(3);
  const large = [
    one(await gzipBomb(beyond(128 * MIB, 8 * MIB, random))),
    one(await emptyRecords(beyond(250_000, 100_000, random))),
    one(await snappyBomb(beyond(128 * MIB, MIB, random))),
  ];
  const kinds = Object.values(KINDS);
  const ids: string[] = [];
  const expected = { parked: 0, handled: 0, either: 0, batches: 0, refused: 0 };
  const handledCount = (): number => [...handled.values()].reduce((sum, times) => sum + times, 0);
  const sentCount = (): number => expected.parked + expected.handled + expected.either;
  const left = (): number => sentCount() - handledCount() - parkedCount();
  const send = async ({ batch, ...costs }: Generated): Promise<void> => {
    const isRefused = (await produceRaw(port, topic, batch, random.below(3))) !== 0;
    if (isRefused && !costs.isDamaged) throw new Error('The broker has refused what it should take.');
    expected.batches += 1;
    expected.refused += Number(isRefused);
    if (isRefused) return;
    expected.parked += costs.parked;
    expected.handled += costs.handled;
    expected.either += costs.isDamaged && costs.parked === 0 ? 1 : 0;
  };
  const stopWatching = watchLoop();
  for (const until = performance.now() + GENERATED_MS; performance.now() < until;) {
    const id = `good ${ids.push('') - 1}`;
    ids[ids.length - 1] = id;
    await send({ batch: good(id), parked: 0, handled: 1 });
    await send(random.below(60) === 0 ? random.oneOf(large) : random.oneOf(kinds)(random));
    await waitUntil('it has caught up', async () => left() < 100);
  }
  await waitUntil('all are handled or parked', async () => left() <= 0);
  const { longestBlockMs, peakBytes } = stopWatching();
  await wait(1_000); // time for what comes twice
  report('poison of Kafka', JSON.stringify({ ...expected, longestBlockMs, peakMib: peakBytes / MIB }));
  expect(ids.filter((id) => handled.get(id) !== 1)).toEqual([]);
  expect(left()).toBe(0);
  expect(parkedCount()).toBeGreaterThanOrEqual(expected.parked);
  for (const { error } of await parked())
    expect(error.message).toMatch(/cannot be read|not JSON|nests deeper|does not fit|ticked/);
  expect(problems.filter((text) => !text.startsWith('unreadable_batch'))).toEqual([]);
  expect([states(), errors]).toEqual([['running'], []]);
  expect(longestBlockMs).toBeLessThan(MAX_BLOCK_MS);
  expect(peakBytes).toBeLessThan(MAX_BYTES);
}, 240_000);
