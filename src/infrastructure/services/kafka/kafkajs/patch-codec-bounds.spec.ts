import { gzipSync } from 'node:zlib';
import { DECODE_LIMITS } from '../wire/decode-limits.js';
import { boundCodec, boundedGzip, type Codec } from './patch-codec-bounds.js';

const { maxExpandedBytes } = DECODE_LIMITS;
const TOO_LARGE = 'it expands to more than 134217728 bytes';

async function snappy(): Promise<Codec> {
  const { default: make } = (await import('kafkajs-snappy')) as unknown as { default: () => Codec };
  return make();
}

/** Notes what it is given. */
function noting(): Codec & { readonly given: Buffer[] } {
  const given: Buffer[] = [];
  return {
    given,
    compress: () => Promise.resolve(Buffer.alloc(0)),
    decompress: (bytes) => Promise.resolve((given.push(bytes), bytes)),
  };
}

const le = (bytes: number, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};
const be32 = (value: number): Buffer => le(4, value).reverse();
const XERIAL = Buffer.concat([Buffer.from([130, 83, 78, 65, 80, 80, 89, 0]), be32(1), be32(1)]);
const xerial = (parts: readonly Buffer[]): Buffer =>
  Buffer.concat([XERIAL, ...parts.flatMap((part) => [be32(part.length), part])]);

describe('gzip', () => {
  it('expands what fits', async () => {
    expect(await boundedGzip(gzipSync('abc'))).toEqual(Buffer.from('abc'));
  });

  it('does not expand a bomb', async () => {
    await expect(boundedGzip(gzipSync(Buffer.alloc(maxExpandedBytes + 1)))).rejects.toThrow(TOO_LARGE);
  });
});

describe('snappy', () => {
  it('expands one part, and frames of parts', async () => {
    const codec = await snappy();
    const bounded = boundCodec('snappy', codec);
    const part = await codec.compress({ buffer: Buffer.from('abc'.repeat(100)) });
    expect(String(await bounded.decompress(part))).toBe('abc'.repeat(100));
    expect(String(await bounded.decompress(xerial([part, part])))).toBe('abc'.repeat(200));
  });

  it.each<[string, (part: Buffer) => Buffer]>([
    ['one part', () => Buffer.from([0x81, 0x80, 0x80, 0x40, 0])],
    ['parts that are too large together', (half) => xerial([half, half, half])],
  ])('does not expand a bomb: %s', async (_, make) => {
    const codec = noting();
    const half = Buffer.from([0x80, 0x80, 0x80, 0x20, 0]); // says that it has 64 MiB
    await expect(boundCodec('snappy', codec).decompress(make(half))).rejects.toThrow(TOO_LARGE);
    expect(codec.given).toEqual([]);
  });

  it('copies each of many parts once', async () => {
    const codec = await snappy();
    const part = await codec.compress({ buffer: Buffer.alloc(32 * 1024) });
    const began = process.cpuUsage();
    const expanded = await boundCodec('snappy', codec).decompress(
      xerial(new Array<Buffer>(1_000).fill(part)),
    );
    const { user, system } = process.cpuUsage(began);
    expect(expanded).toHaveLength(1_000 * 32 * 1024);
    expect((user + system) / 1_000).toBeLessThan(4_000); // the package by itself copies 16 GB
  });

  it.each([
    ['a part that is longer than its batch', Buffer.concat([XERIAL, be32(9), Buffer.from([1])])],
    ['a part without an end of its length', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s', async (_, bytes) => {
    await expect(boundCodec('snappy', noting()).decompress(bytes)).rejects.toMatchObject({
      name: 'RangeError',
    });
  });
});

describe('lz4', () => {
  /** A frame of blocks of up to 4 MiB, each of so many bytes. */
  const frame = (blocks: readonly number[], flags = 0x60): Buffer =>
    Buffer.concat([
      le(4, 0x184d2204),
      Buffer.from([flags, 0x70, 0]),
      ...blocks.flatMap((size) => [le(4, size), Buffer.alloc(size % 2 ** 31)]),
      le(4, 0),
      ...(flags & 0x4 ? [le(4, 0)] : []),
    ]);

  it.each([
    ['32 blocks', frame(new Array<number>(32).fill(5))],
    ['blocks that are stored', frame(new Array<number>(100).fill(2 ** 31 + 5))],
    ['two frames, one with a checksum', Buffer.concat([frame([5], 0x64), frame([5])])],
  ])('expands what fits: %s', async (_, bytes) => {
    const codec = noting();
    await boundCodec('lz4', codec).decompress(bytes);
    expect(codec.given).toEqual([bytes]);
  });

  it('does not expand a bomb', async () => {
    const codec = noting();
    const bomb = Buffer.concat([frame(new Array<number>(20).fill(5)), frame(new Array<number>(20).fill(5))]);
    await expect(boundCodec('lz4', codec).decompress(bomb)).rejects.toThrow(TOO_LARGE);
    expect(codec.given).toEqual([]);
  });

  it.each([
    ['no frame', Buffer.from('not a frame')],
    ['a frame without an end', frame([5]).subarray(0, -2)],
    ['a frame of another version', frame([5], 0x80)],
  ])('refuses %s', async (_, bytes) => {
    await expect(boundCodec('lz4', noting()).decompress(bytes)).rejects.toMatchObject({ name: 'RangeError' });
  });
});

describe('zstd', () => {
  const RAW = 0;
  const REPEATED = 1;
  const COMPRESSED = 2;
  const block = (type: number, size: number, isLast = false): Buffer =>
    Buffer.concat([le(3, size * 8 + type * 2 + Number(isLast)), Buffer.alloc(type === REPEATED ? 1 : size)]);
  const frame = (head: readonly number[], ...blocks: readonly Buffer[]): Buffer =>
    Buffer.concat([le(4, 0xfd2fb528), Buffer.from(head), ...blocks]);
  const WINDOW = [0x00, 0x58];

  it.each([
    ['a stored block', frame(WINDOW, block(RAW, 9, true))],
    ['a size of one byte', frame([0x20, 9], block(RAW, 9, true))],
    [
      'many blocks',
      frame(WINDOW, ...new Array<Buffer>(1_000).fill(block(COMPRESSED, 4)), block(RAW, 0, true)),
    ],
    [
      'a frame to skip',
      Buffer.concat([le(4, 0x184d2a50), le(4, 3), Buffer.alloc(3), frame(WINDOW, block(RAW, 1, true))]),
    ],
  ])('expands what fits: %s', async (_, bytes) => {
    const codec = noting();
    await boundCodec('zstd', codec).decompress(bytes);
    expect(codec.given).toEqual([bytes]);
  });

  it.each([
    [
      'by its blocks',
      frame(WINDOW, ...new Array<Buffer>(1_100).fill(block(COMPRESSED, 4)), block(RAW, 0, true)),
    ],
    [
      'by repetition',
      frame(WINDOW, ...new Array<Buffer>(70).fill(block(REPEATED, 2 ** 21 - 1)), block(RAW, 0, true)),
    ],
    ['by the size that it says', frame([0x80, 0x58, 0, 0, 0, 0xff], block(RAW, 1, true))],
    ['by a size of eight bytes', frame([0xe0, 0, 0, 0, 0, 0, 0, 0, 1], block(RAW, 1, true))],
  ])('does not expand a bomb: %s', async (_, bytes) => {
    const codec = noting();
    await expect(boundCodec('zstd', codec).decompress(bytes)).rejects.toThrow(TOO_LARGE);
    expect(codec.given).toEqual([]);
  });

  it.each([
    ['no frame', Buffer.from('not a frame')],
    ['a frame without an end', frame(WINDOW, block(RAW, 3))],
  ])('refuses %s', async (_, bytes) => {
    await expect(boundCodec('zstd', noting()).decompress(bytes)).rejects.toMatchObject({
      name: 'RangeError',
    });
  });
});
