import { Block, packBlocks, packOne } from './block.js';

const message = (nth: number, bytes: number) => ({
  id: `m-${nth}`,
  headers: {},
  body: Buffer.alloc(bytes, nth),
});

describe('a block', () => {
  it('gives back what was packed, byte for byte', () => {
    const packed = packOne(
      {
        id: 'id-é',
        key: 'schlüssel',
        headers: { a: '', ['__proto__']: 'x', 'x-ü': '日本' },
        body: Buffer.from([0, 255]),
      },
      1_234,
    );
    const block = new Block(Buffer.from(packed.bytes));
    expect(block.count).toBe(1);
    expect(block.appendedAt).toBe(1_234);
    const read = block.message(0);
    expect([read.id, read.key, Object.entries(read.headers)]).toEqual([
      'id-é',
      'schlüssel',
      [
        ['a', ''],
        ['__proto__', 'x'],
        ['x-ü', '日本'],
      ],
    ]);
    expect([...read.body]).toEqual([0, 255]);
  });

  it('holds up to 256 messages or 60 KiB, and one larger message alone', () => {
    const counts = (bytes: number, count: number) =>
      packBlocks(
        Array.from({ length: count }, (_, nth) => message(nth, bytes)),
        0,
      ).map((block) => block.count);
    expect(counts(0, 600)).toEqual([256, 256, 88]);
    expect(counts(20_000, 5)).toEqual([3, 2]);
    expect(counts(200_000, 2)).toEqual([1, 1]);
    expect(counts(0, 0)).toEqual([]);
  });

  it('is copied when it is packed, so that the sender may use its buffer again', () => {
    const body = Buffer.from('before');
    const block = packOne({ id: 'm', headers: {}, body }, 0);
    body.fill(0);
    expect(Buffer.from(block.message(0).body).toString()).toBe('before');
  });

  it('of another version is refused', () => {
    expect(() => new Block(Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))).toThrow('version 9');
  });
});
