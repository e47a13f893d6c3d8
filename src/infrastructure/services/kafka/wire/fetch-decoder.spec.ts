import { decodeFetch, type FetchAnswer } from './fetch-decoder.js';
import { countTurns } from '../../../../../test/support/count-turns.js';
import { rawBatch, rawRecord } from '../../../../../test/support/kafka-batches.js';
import type { Expand } from './batch-decoder.js';
import { DECODE_LIMITS } from './decode-limits.js';

interface Encoded {
  readonly buffer: Buffer;
}
type Make<T> = (of: T) => Encoded;

interface Theirs {
  readonly batch: (of: object) => Promise<Encoded>;
  readonly record: Make<object>;
  readonly decode: (raw: Buffer) => Promise<FetchAnswer>;
}

async function theirs(): Promise<Theirs> {
  const [batches, record, response] = await Promise.all([
    import('kafkajs/src/protocol/recordBatch/v0/index.js') as Promise<{
      default: { RecordBatch: Theirs['batch'] };
    }>,
    import('kafkajs/src/protocol/recordBatch/record/v0/index.js') as Promise<{ default: Theirs['record'] }>,
    import('kafkajs/src/protocol/requests/fetch/v11/response.js') as Promise<{ default: Theirs }>,
  ]);
  return { batch: batches.default.RecordBatch, record: record.default, decode: response.default.decode };
}

/** As the client reads it, without the partitions that have nothing to say. */
async function answered(raw: Buffer): Promise<FetchAnswer> {
  const answer = await (await theirs()).decode(raw);
  const responses = answer.responses.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.filter(
      ({ messages, errorCode, preferredReadReplica }) =>
        messages.length > 0 || errorCode !== 0 || preferredReadReplica !== -1,
    ),
  }));
  return { ...answer, responses: responses.filter(({ partitions }) => partitions.length > 0) };
}

const plain: Expand = () => undefined;

function int(bytes: 2 | 4 | 8, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigInt64BE(BigInt(value));
  else buffer.writeIntBE(value, 0, bytes);
  return buffer;
}

const text = (value: string): Buffer => Buffer.concat([int(2, value.length), Buffer.from(value)]);

const partitionOf = (
  id: number,
  batches: readonly Buffer[],
  aborted: readonly number[] = [],
  { errorCode = 0, replica = -1 } = {},
): Buffer => {
  const all = Buffer.concat(batches);
  return Buffer.concat([
    int(4, id),
    int(2, errorCode),
    int(8, 4_611_686_018),
    int(8, 77),
    int(8, 3),
    int(4, aborted.length),
    ...aborted.flatMap((producer) => [int(8, producer), int(8, 12)]),
    int(4, replica),
    int(4, all.length),
    all,
  ]);
};

const answerOf = (...topics: readonly (readonly Buffer[])[]): Buffer =>
  Buffer.concat([
    int(4, 17),
    int(2, 0),
    int(4, 5),
    int(4, topics.length),
    ...topics.flatMap((partitions, nth) => [text(`topic-${nth}`), int(4, partitions.length), ...partitions]),
  ]);

const bodies = [0, 1, 55, 63, 64, 130, 8_200, 2 ** 17];
const records = bodies.map((length, offsetDelta) => ({
  offsetDelta,
  timestampDelta: offsetDelta * 70,
  key: offsetDelta % 2 === 0 ? Buffer.from(`key-${offsetDelta}-é`) : null,
  value: offsetDelta === 1 ? null : Buffer.alloc(length, 'b'),
  headers: {
    ce_id: Buffer.from(`id-${offsetDelta}`),
    ключ: Buffer.from('значение'),
    none: Buffer.alloc(0),
    twice: [Buffer.from('1'), Buffer.from('2')],
    thrice: ['1', '2', '3'].map((one) => Buffer.from(one)),
  },
}));

async function batchOf(more: object = {}, each = records): Promise<Buffer> {
  const { batch, record } = await theirs();
  const encoded = await batch({
    firstOffset: 8_589_934_600,
    firstTimestamp: 1_790_000_000_123,
    maxTimestamp: 1_790_000_009_999,
    lastOffsetDelta: each.length - 1,
    partitionLeaderEpoch: 3,
    producerId: 8_589_934_601,
    producerEpoch: 2,
    firstSequence: 9,
    records: each.map((one) => record(one)),
    ...more,
  });
  return encoded.buffer;
}

describe('an answer with records', () => {
  const appended = async (): Promise<Buffer> => {
    const batch = await batchOf();
    batch.writeInt16BE(0x8, 21);
    return batch;
  };
  const control = async (): Promise<Buffer> => {
    const each = [
      { ...records[0], key: Buffer.from([0, 0, 0, 0]), headers: {} },
    ] as unknown as typeof records;
    const batch = await batchOf({ transactional: true }, each);
    batch.writeInt16BE(0x30, 21);
    return batch;
  };
  it.each<[string, () => Promise<Buffer>]>([
    ['nothing', async () => answerOf()],
    ['a partition with nothing', async () => answerOf([partitionOf(0, [])])],
    ['a batch', async () => answerOf([partitionOf(0, [await batchOf()])])],
    [
      'a batch that lost its records to compaction',
      async () => answerOf([partitionOf(0, [await batchOf({}, [])])]),
    ],
    [
      'topics and partitions',
      async () =>
        answerOf(
          [partitionOf(2, [await batchOf()]), partitionOf(7, [await batchOf()])],
          [partitionOf(1, [])],
        ),
    ],
    [
      'transactions',
      async () =>
        answerOf([partitionOf(0, [await batchOf({ transactional: true }), await control()], [1, 2])]),
    ],
    ['times of the broker', async () => answerOf([partitionOf(0, [await appended()])])],
    [
      'more headers than a byte counts',
      async () => {
        const headers = Object.fromEntries([...Array(200).keys()].map((n) => [`h${n}`, Buffer.from(`${n}`)]));
        const each = [{ ...records[0], headers }] as unknown as typeof records;
        return answerOf([partitionOf(0, [await batchOf({}, each)])]);
      },
    ],
  ])('is read as the client would: %s', async (_, make) => {
    const raw = await make();
    expect(await decodeFetch(raw, plain)).toStrictEqual(await answered(raw));
  });

  it('has an entry for a partition without records only where there is something else to say', async () => {
    const silent = partitionOf(0, []);
    const failed = partitionOf(1, [], [], { errorCode: 6 });
    const elsewhere = partitionOf(2, [], [], { replica: 3 });
    const answer = await decodeFetch(answerOf([silent, failed, elsewhere], [silent]), plain);
    expect(answer?.responses).toMatchObject([
      {
        topicName: 'topic-0',
        partitions: [
          { partition: 1, errorCode: 6 },
          { partition: 2, preferredReadReplica: 3 },
        ],
      },
    ]);
    expect(answer?.responses[0]?.partitions).toHaveLength(2);
  });

  it('is read as far as it was sent', async () => {
    const whole = await batchOf();
    for (const left of [1, 12, 20, 61, 200, whole.length - 1]) {
      const raw = answerOf([partitionOf(0, [whole, whole.subarray(0, left)])]);
      const answer = await decodeFetch(raw, plain);
      expect(answer).toStrictEqual(await answered(raw));
    }
  });

  it('is expanded first', async () => {
    const batch = await batchOf({ compression: 1 });
    const raw = answerOf([partitionOf(0, [batch])]);
    const attributes: number[] = [];
    const { gunzipSync } = await import('node:zlib');
    const answer = await decodeFetch(raw, (of) => {
      attributes.push(of);
      return async (compressed) => gunzipSync(compressed);
    });
    expect(attributes).toEqual([1]);
    expect(answer).toStrictEqual(await answered(raw));
  });

  it('is left to the client when it is older', async () => {
    const batch = await batchOf();
    batch[16] = 1;
    expect(await decodeFetch(answerOf([partitionOf(0, [batch])]), plain)).toBeUndefined();
  });
});

describe('a batch that cannot be read', () => {
  const RECORDS_AT = 61;
  it.each<[string, (batch: Buffer) => void]>([
    ['a record longer than its batch', (batch) => batch.fill(0xff, RECORDS_AT, RECORDS_AT + 4)],
    ['a record without a length', (batch) => batch.writeInt8(1, RECORDS_AT)],
    ['more records than there can be', (batch) => batch.writeInt32BE(2 ** 30, RECORDS_AT - 4)],
  ])('comes as one record, and its neighbours come: %s', async (_, damage) => {
    const batch = await batchOf();
    damage(batch);
    const good = await batchOf({ firstOffset: 9_000_000_000 });
    const answer = await decodeFetch(
      answerOf([partitionOf(0, [batch, good]), partitionOf(1, [good])]),
      plain,
    );
    const [damaged, other] = answer?.responses[0]?.partitions ?? [];
    const { length } = records;
    expect(damaged?.messages.map(({ unreadable }) => unreadable?.firstOffset)).toEqual([
      8_589_934_600,
      ...new Array<undefined>(length).fill(undefined),
    ]);
    expect(other?.messages).toHaveLength(length);
  });

  it('and does not say where the next one begins ends what is read of its partition', async () => {
    const batch = await batchOf();
    batch.writeInt32BE(-100, 8);
    const raw = answerOf([partitionOf(0, [batch, batch])]);
    const [only, ...others] = (await decodeFetch(raw, plain))?.responses[0]?.partitions[0]?.messages ?? [];
    expect(only?.unreadable?.why).toBe('it says that it has -88 bytes');
    expect(others).toEqual([]);
  });
});

describe('an answer with more than it may hold', () => {
  const many = (firstOffset: number, count: number): Buffer => {
    const all = Buffer.concat(Array.from({ length: count }, (_, delta) => rawRecord(delta)));
    return rawBatch(all, { count, firstOffset });
  };
  const HALF = DECODE_LIMITS.maxAnswerRecords / 2;

  it('is cut off where it is full, and continues with the next one', async () => {
    const raw = answerOf([
      partitionOf(0, [many(0, HALF), many(HALF, HALF + 5)]),
      partitionOf(1, [many(0, 5)]),
    ]);
    const first = await decodeFetch(raw, plain);
    expect(first?.responses[0]?.partitions).toHaveLength(1);
    expect(first?.responses[0]?.partitions[0]?.messages).toHaveLength(2 * HALF);
    const next = await decodeFetch(raw, plain, (topic, partition) => {
      expect(topic).toBe('topic-0');
      return partition === 0 ? 2 * HALF : 3;
    });
    expect(
      next?.responses[0]?.partitions.map(({ messages }) =>
        messages.map(({ offset }) => Number(offset) % HALF),
      ),
    ).toEqual([
      [0, 1, 2, 3, 4],
      [3, 4],
    ]);
  });

  it('lets other work have its turn, also between small batches', async () => {
    const raw = answerOf([partitionOf(0, new Array<Buffer>(20_000).fill(many(0, 1)))]);
    const turns = await countTurns(() => decodeFetch(raw, plain));
    expect(turns).toBeGreaterThanOrEqual(Math.floor(raw.length / 2 ** 18));
  });

  it('expands no further batch once it holds enough', async () => {
    const decompress = jest.fn(() => Promise.resolve(Buffer.alloc(DECODE_LIMITS.maxAnswerExpandedBytes)));
    const batch = rawBatch(Buffer.alloc(9), { count: 1, attributes: 1 });
    await decodeFetch(answerOf([partitionOf(0, [batch]), partitionOf(1, [batch])]), () => decompress);
    expect(decompress).toHaveBeenCalledTimes(1);
  });
});

it('keeps headers apart from what headers inherit', async () => {
  const each = [{ ...records[0], headers: { ['__proto__']: Buffer.from('x'), a: Buffer.from('1') } }];
  const raw = answerOf([partitionOf(0, [await batchOf({}, each as unknown as typeof records)])]);
  const [first] = (await decodeFetch(raw, plain))?.responses[0]?.partitions[0]?.messages ?? [];
  expect(Object.keys(first?.headers ?? {})).toEqual(['a']);
  expect(Object.getPrototypeOf(first?.headers)).toBe(Object.prototype);
});
