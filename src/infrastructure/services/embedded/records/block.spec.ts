import { Block, packBlocks, packOne } from './block.js';

const message = (nth: number, bytes: number) => ({
  id: `m-${nth}`,
  headers: {},
  body: Buffer.alloc(bytes, nth),
});

const PLACE = { topicId: 7, last: 12 };

function onDisk(bytes: Buffer): Block {
  return Block.read(Buffer.from(bytes), { place: PLACE, mayBePlain: false });
}

function placed(block: Block): Block {
  block.placeAt(PLACE.topicId, PLACE.last - block.count + 1);
  return block;
}

describe('a block', () => {
  it('gives back what was packed, byte for byte', () => {
    const packed = placed(
      packOne(
        {
          id: 'id-é',
          key: 'schlüssel',
          headers: { a: '', ['__proto__']: 'x', 'x-ü': '日本' },
          body: Buffer.from([0, 255]),
        },
        1_234,
      ),
    );
    const block = onDisk(packed.bytes);
    expect(block.count).toBe(1);
    expect(block.appendedAt).toBe(1_234);
    const { message: read } = block.message(0);
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
    expect(Buffer.from(block.message(0).message.body).toString()).toBe('before');
  });

  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(placed(packBlocks([message(1, 10), message(2, 10)], 5)[0]!).bytes);
    change(bytes);
    return bytes;
  };

  it.each([
    ['of something else', changed((bytes) => bytes.fill(9, 0, 28)), 'begins with 9'],
    ['that is empty', Buffer.alloc(0), 'too short'],
    ['that is cut off in its head', changed(() => undefined).subarray(0, 40), 'number of messages'],
    ['of no messages', changed((bytes) => bytes.fill(0, 1, 28)), 'number of messages'],
    ['of too many messages', changed((bytes) => bytes.fill(255, 1, 28)), 'number of messages'],
  ])('%s is one message that cannot be read', (_, bytes, why) => {
    const block = onDisk(bytes);
    expect([block.count, block.appendedAt]).toEqual([1, NaN]);
    const { message: found, unreadable } = block.message(0);
    expect(unreadable).toContain(why);
    expect(Buffer.from(found.body)).toEqual(bytes);
  });

  it.each([
    ['a length beyond its end', (at: number, bytes: Buffer) => bytes.writeUInt32LE(2 ** 31, at)],
    ['metadata that are not JSON', (at: number, bytes: Buffer) => bytes.write('?', at + 4)],
  ])('with %s in one message gives the others', (_, damage) => {
    const block = onDisk(changed((bytes) => damage(44, bytes)));
    expect(block.message(0).unreadable).toBeDefined();
    expect(block.message(1)).toEqual({ message: expect.objectContaining({ id: 'm-2' }) });
  });

  it.each([
    ['too short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1), true],
    ['much too short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 30), true],
    ['too long', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(9)]), false],
  ])('that is %s is reported, and costs the messages that are cut off', (_, cut, isCutOff) => {
    const block = onDisk(cut(changed(() => undefined)));
    expect([block.count, block.isDamaged]).toEqual([2, true]);
    expect(block.message(0)).toEqual({ message: expect.objectContaining({ id: 'm-1' }) });
    expect(block.message(1).unreadable !== undefined).toBe(isCutOff);
  });

  it('with any one bit turned gives every other message, and never an altered one', () => {
    const whole = changed(() => undefined);
    const [first, second] = [onDisk(whole).message(0), onDisk(whole).message(1)];
    for (let bit = 0; bit < 8 * whole.length; bit += 1) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const block = onDisk(bytes);
      expect(block.count).toBe(2);
      const found = [block.message(0), block.message(1)];
      expect(found.filter(({ unreadable }) => unreadable !== undefined).length).toBeLessThan(2);
      for (const [nth, expected] of [first, second].entries())
        if (found[nth]!.unreadable === undefined) expect(found[nth]).toEqual(expected);
      expect(block.isDamaged || found.some(({ unreadable }) => unreadable !== undefined)).toBe(true);
    }
  });

  it('gives nothing at the place of another block', () => {
    const block = Block.read(
      changed(() => undefined),
      { place: { topicId: 7, last: 13 }, mayBePlain: false },
    );
    expect([0, 1].map((nth) => block.message(nth).unreadable)).toEqual([
      'it belongs to another place of the log',
      'it belongs to another place of the log',
    ]);
  });

  it('of format 1 is read where there may be one, and nowhere else', () => {
    const metadata = '{"i":"old","h":{}}';
    const bytes = Buffer.alloc(16 + 4 + metadata.length);
    bytes.writeUInt8(1, 0);
    bytes.writeUInt16LE(1, 2);
    bytes.writeUInt32LE(bytes.length, 12);
    bytes.writeUInt32LE(metadata.length, 16);
    bytes.write(metadata, 20);
    expect(Block.read(bytes, { mayBePlain: true }).message(0).message.id).toBe('old');
    expect(onDisk(bytes).message(0).unreadable).toContain('begins with 1');
  });

  it.each([
    'null',
    '[]',
    '{"i":1,"h":{}}',
    '{"i":"a","h":[]}',
    '{"i":"a","h":{"x":1}}',
    '{"i":"a","k":{},"h":{}}',
  ])('with the metadata %s gives no message', (metadata) => {
    const start = 16;
    const bytes = Buffer.alloc(start + 4 + metadata.length);
    bytes.writeUInt8(1, 0);
    bytes.writeUInt16LE(1, 2);
    bytes.writeUInt32LE(bytes.length, 12);
    bytes.writeUInt32LE(metadata.length, start);
    bytes.write(metadata, start + 4);
    expect(Block.read(bytes, { mayBePlain: true }).message(0).unreadable).toContain('metadata');
  });
});
