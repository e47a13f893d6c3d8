import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { decodeContentHeader, flawOf } from './content-header.js';
import { decodeTable } from './field-table.js';

/** The client's own codec, which its package does not export. */
const codec = createRequire(__filename)(join(dirname(require.resolve('amqplib')), 'lib/codec.js')) as {
  encodeTable(into: Buffer, table: object, at: number): number;
  decodeFields(bytes: Buffer): Record<string, unknown>;
};

const encoded = (table: object): Buffer => {
  const buffer = Buffer.alloc(65_536);
  return buffer.subarray(4, codec.encodeTable(buffer, table, 0));
};
const field = (name: string, type: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([name.length]), Buffer.from(name + type), value]);
const withLength = (value: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
};
const nested = (levels: number, type: 'F' | 'A'): Buffer => {
  let inner: Buffer = Buffer.alloc(0);
  for (let level = 0; level < levels; level += 1)
    inner = withLength(
      type === 'F'
        ? field('', 'F', inner.length ? inner : withLength(inner))
        : Buffer.concat([Buffer.from('A'), inner.length ? inner : withLength(inner)]),
    );
  return field('deep', type, inner);
};
const NONE: ReadonlySet<string> = new Set();

describe('A field table', () => {
  it('is decoded as the client does it', () => {
    const table = {
      text: 'Łódź 🎉',
      bytes: Buffer.from([0, 255]),
      ...{
        byte: -5,
        short: 300,
        int: -70_000,
        long: 2 ** 40,
        double: 1.5,
        yes: true,
        no: false,
        nothing: null,
      },
      float: { '!': 'float', value: 0.5 },
      ...{
        u8: { '!': 'uint8', value: 200 },
        u16: { '!': 'uint16', value: 60_000 },
        u32: { '!': 'uint32', value: 4e9 },
      },
      time: { '!': 'timestamp', value: 1_800_000_000 },
      price: { '!': 'decimal', value: { places: 2, digits: 995 } },
      'x-death': [{ reason: 'expired', queue: 'q', 'routing-keys': ['a', 'b'], count: 3 }],
      empty: {},
      none: [],
    };
    const { fields, flaw } = decodeTable(encoded(table), NONE);
    expect(flaw).toBeUndefined();
    expect(fields).toEqual(codec.decodeFields(encoded(table)));
  });

  it.each(['F', 'A'] as const)(
    'is not expanded beyond a depth, and its other fields are read: %s',
    (type) => {
      const bytes = Buffer.concat([nested(20_000, type), encoded({ after: 'it' })]);
      const { fields, flaw } = decodeTable(bytes, NONE);
      expect(flaw).toBe('nested more than 16 deep');
      expect(fields['after']).toBe('it');
    },
  );

  it('keeps what says where the message belongs, from among any number of fields', () => {
    const many = Array.from({ length: 20_000 }, (_, index) =>
      field(index.toString(36), 'V', Buffer.alloc(0)),
    );
    const bytes = Buffer.concat([
      ...many,
      encoded({ 'x-death': [{ reason: 'expired', queue: 'q' }], other: 1 }),
    ]);
    const { fields, flaw } = decodeTable(bytes, new Set(['x-death']));
    expect(flaw).toBe('more than 4096 fields');
    expect(fields['x-death']).toEqual([{ reason: 'expired', queue: 'q' }]);
    expect(fields['other']).toBeUndefined();
    expect(Object.keys(fields).length).toBeLessThanOrEqual(4_097);
  });

  it.each([
    ['a type that is not known', field('odd', '?', Buffer.from('value')), 'a field of the unknown type "?"'],
    [
      'a text that is longer than the table',
      field('long', 'S', Buffer.from([255, 255, 255, 255])),
      'beyond the table',
    ],
    [
      'a list that is longer than the table',
      field('long', 'A', Buffer.from([0, 0, 0, 9])),
      'beyond the table',
    ],
    ['a number that is cut off', field('cut', 'l', Buffer.from([1])), 'beyond the table'],
  ])('with %s keeps what came before', (_, bytes, flaw) => {
    const decoded = decodeTable(Buffer.concat([encoded({ before: 'it' }), bytes]), NONE);
    expect(decoded.flaw).toContain(flaw);
    expect(decoded.fields).toEqual({ before: 'it' });
  });

  it('takes no field from a prototype', () => {
    const { fields } = decodeTable(
      field('__proto__', 'F', withLength(encoded({ 'x-swy-attempt': 99 }))),
      NONE,
    );
    expect(fields['x-swy-attempt']).toBeUndefined();
    expect(Object.keys(fields)).toEqual(['__proto__']);
  });
});

describe('A content header', () => {
  const header = (flags: number, ...parts: readonly Buffer[]): Buffer => {
    const start = Buffer.alloc(14);
    start.writeUInt16BE(60, 0);
    start.writeBigUInt64BE(7n, 4);
    start.writeUInt16BE(flags, 12);
    return Buffer.concat([start, ...parts]);
  };
  const short = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);

  it('gives the properties behind a table that cannot be read', () => {
    const decoded = decodeContentHeader(header(0x2080, withLength(nested(5_000, 'F')), short('id')));
    expect(decoded).toMatchObject({ id: 60, size: 7, fields: { messageId: 'id' } });
    expect(flawOf(decoded?.fields['headers'] as object)).toBe('nested more than 16 deep');
  });

  it('with properties that are cut off is flawed, too', () => {
    const decoded = decodeContentHeader(header(0x0080, Buffer.from([200, 1])));
    expect(flawOf(decoded?.fields['headers'] as object)).toContain('ends beyond the header');
  });

  it('without properties has no flaw', () => {
    expect(flawOf(decodeContentHeader(header(0))?.fields['headers'] as undefined)).toBeUndefined();
  });
});
