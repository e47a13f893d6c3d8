import { gunzipSync, gzipSync } from 'node:zlib';
import { countTurns } from '../../../../../test/support/count-turns.js';
import { rawBatch, rawRecord, recordOfHeaders, varint } from '../../../../../test/support/kafka-batches.js';
import { decodeBatch, type Expand } from './batch-decoder.js';
import type { Fetched } from './fetched.js';
import { DECODE_LIMITS } from './decode-limits.js';
import { unreadableText } from './unreadable.js';

const GZIP = 1;
const plain: Expand = () => undefined;
const gunzip: Expand = (attributes) => (attributes === GZIP ? async (bytes) => gunzipSync(bytes) : undefined);
const place = { topic: 't', partition: 3 };

async function decoded(batch: Buffer, { expand = plain, from = 0, records: room = 1_000_000 } = {}) {
  const records: Fetched[] = [];
  const isWhole = await decodeBatch(
    batch,
    { expand, from, room: { records: room, expandedBytes: 1 } },
    records,
  );
  return { records, isWhole, offsets: records.map(({ offset }) => Number(offset)) };
}

const texts = (records: readonly Fetched[]): string[] =>
  records.flatMap(({ unreadable }) => (unreadable ? [unreadableText(unreadable, place)] : []));

const records = (count: number, value = 'v'): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, delta) => rawRecord(delta, { value })));

describe('a batch that is not expanded', () => {
  const expand = jest.fn(gunzip);
  beforeEach(() => expand.mockClear());

  it('because of its number of records comes as one record behind which reading continues', async () => {
    const count = DECODE_LIMITS.maxBatchRecords + 1;
    const batch = rawBatch(gzipSync(records(1)), { count, attributes: GZIP, firstOffset: 10 });
    const { records: found, isWhole } = await decoded(batch, { expand });
    expect([found.length, isWhole, expand.mock.calls.length]).toEqual([1, true, 0]);
    expect(found[0]).toMatchObject({ offset: String(10 + count - 1), key: null, headers: {}, value: batch });
    expect(texts(found)).toEqual([
      `The batch at offsets 10 to 250010 of partition 3 of topic "t" cannot be read: it has more than 250000 records. It says that it has 250001 records. The first ${batch.length} of its ${batch.length} bytes are kept.`,
    ]);
  });

  it.each<[string, Parameters<typeof rawBatch>[1], string]>([
    ['a compression that does not exist', { count: 1, attributes: 7 }, 'its compression 7 is not known'],
    ['another format', { count: 1, magic: 3 }, 'its format 3 is not known'],
    [
      'a negative number of records',
      { count: -1, lastOffsetDelta: 4 },
      'it has a negative number of records',
    ],
    ['another length', { count: 1, length: 70 }, 'it says that it has 70 bytes'],
  ])('because of %s', async (_, said, why) => {
    const { records: found } = await decoded(rawBatch(records(1, 'a longer value'), said), { expand });
    expect([found.length, expand.mock.calls.length]).toEqual([1, 0]);
    expect(texts(found)[0]).toContain(`cannot be read: ${why}.`);
  });

  it('because of damage', async () => {
    const damaged = gzipSync(records(3));
    damaged.fill(0xff, 12);
    const batch = rawBatch(damaged, { count: 3, attributes: GZIP });
    const { offsets, records: found } = await decoded(batch, { expand: gunzip });
    expect(offsets).toEqual([2]);
    expect(texts(found)[0]).toMatch(/offsets 0 to 2 .*it cannot be expanded \(.+\)\. It says that it has 3/);
  });

  it('keeps a bounded part of its bytes', async () => {
    const batch = rawBatch(Buffer.alloc(DECODE_LIMITS.maxKeptBytes), { count: 1e9 });
    const { records: found } = await decoded(batch);
    expect(found[0]?.value).toHaveLength(DECODE_LIMITS.maxKeptBytes);
    expect(texts(found)[0]).toContain(`The first 1048576 of its ${batch.length} bytes are kept.`);
  });

  it('for want of a codec fails, because it can be installed', async () => {
    const missing: Expand = () => {
      throw new Error('not implemented');
    };
    await expect(decoded(rawBatch(records(1), { count: 1 }), { expand: missing })).rejects.toThrow('not');
  });
});

describe('a record that cannot be read', () => {
  const between = (poison: Buffer): Buffer =>
    rawBatch(Buffer.concat([rawRecord(0), poison, rawRecord(2)]), { count: 3, firstOffset: 40 });
  /** A record at the offset in the middle, whose length is right. */
  const raw = (...after: readonly Buffer[]): Buffer => {
    const body = Buffer.concat([Buffer.from([0, 0]), varint(1), ...after]);
    return Buffer.concat([varint(body.length), body]);
  };

  it.each<[string, Buffer, RegExp]>([
    [
      'too many headers',
      raw(varint(-1), varint(-1), varint(1_001), Buffer.alloc(2_002)),
      /it has 1001 headers, and 1000 are the most/,
    ],
    [
      'headers that are too large',
      rawRecord(1, { headers: [['h', 'x'.repeat(2 ** 20)]] }),
      /its headers have 10485\d\d bytes/,
    ],
    [
      'more headers than bytes',
      raw(varint(-1), varint(-1), varint(2 ** 40), Buffer.from([0, 0])),
      /says that it has 1099511627776 headers in 2 bytes/,
    ],
    ['a negative number of headers', raw(varint(-1), varint(-1), varint(-5)), /says that it has -5 headers/],
    [
      'a name longer than it is',
      raw(varint(-1), varint(-1), varint(1), varint(500), Buffer.from([0, 0])),
      /the name of header 0/,
    ],
    [
      'a name of negative length',
      raw(varint(-1), varint(-1), varint(1), varint(-9), Buffer.from([0, 0])),
      /the name of header 0/,
    ],
    [
      'a value longer than it is',
      raw(varint(-1), varint(100), Buffer.from([0, 0])),
      /its key and its value are longer/,
    ],
    [
      'bytes behind its headers',
      raw(varint(-1), varint(-1), varint(0), Buffer.alloc(7)),
      /headers do not end where it ends/,
    ],
    ['a number without an end', raw(Buffer.alloc(40, 0xff)), /its key and its value are longer/],
  ])('because of %s costs itself only', async (_, poison, why) => {
    const { offsets, records: found } = await decoded(between(poison));
    expect(offsets).toEqual([40, 41, 42]);
    expect(found.map(({ unreadable }) => unreadable !== undefined)).toEqual([false, true, false]);
    expect(texts(found)[0]).toMatch(/^The record at offset 41 of partition 3 of topic "t" cannot be read: /);
    expect(texts(found)[0]).toMatch(why);
  });

  it('keeps its body when its headers are what is wrong', async () => {
    const { records: found } = await decoded(rawBatch(recordOfHeaders(60_000, 'body'), { count: 1 }));
    expect(found[0]).toMatchObject({ value: Buffer.from('body'), headers: {} });
  });

  it('ends its batch when its length is wrong, and those before it come', async () => {
    const batch = rawBatch(Buffer.concat([rawRecord(0), varint(-7), rawRecord(2)]), { count: 3 });
    const { offsets, records: found } = await decoded(batch);
    expect(offsets).toEqual([0, 2]);
    expect(texts(found)[0]).toMatch(/^The batch at offsets 1 to 2 .*record 1 says that it has -7 bytes/);
  });

  it.each([0, -1, 3, 2 ** 40])('ends its batch when its offset does not follow (%i)', async (delta) => {
    const batch = rawBatch(Buffer.concat([rawRecord(0), rawRecord(delta)]), { count: 3 });
    const { offsets, records: found } = await decoded(batch);
    expect(offsets).toEqual([0, 2]);
    expect(texts(found)[0]).toMatch(/offsets 1 to 2 .*has an offset that does not follow/);
  });
});

describe('a large batch', () => {
  it('comes in parts, each from where it was asked for', async () => {
    const batch = rawBatch(records(10), { count: 10, firstOffset: 100 });
    const first = await decoded(batch, { records: 4 });
    expect([first.offsets, first.isWhole]).toEqual([[100, 101, 102, 103], false]);
    const rest = await decoded(batch, { from: 104 });
    expect([rest.offsets, rest.isWhole]).toEqual([[104, 105, 106, 107, 108, 109], true]);
  });

  it('of which compaction has left nothing from there on is passed over', async () => {
    const batch = rawBatch(records(2), { count: 2, lastOffsetDelta: 9, firstOffset: 100 });
    const { records: found, isWhole } = await decoded(batch, { from: 105 });
    expect(isWhole).toBe(true);
    expect(found).toMatchObject([{ offset: '109', isControlRecord: true, value: null }]);
  });

  it('lets other work have its turn', async () => {
    const batch = rawBatch(records(200_000, ''), { count: 200_000 });
    let offsets: readonly number[] = [];
    const turns = await countTurns(async () => ({ offsets } = await decoded(batch)));
    expect(offsets).toHaveLength(200_000);
    expect(turns).toBeGreaterThan(40);
  });

  it('of headers of one name has all their values', async () => {
    const { maxHeaders } = DECODE_LIMITS;
    const { records: found } = await decoded(rawBatch(recordOfHeaders(maxHeaders, 'x'), { count: 1 }));
    expect(found[0]?.unreadable).toBeUndefined();
    expect(found[0]?.headers['']).toHaveLength(maxHeaders);
  });
});
