import { jsonCodec } from './codec.js';

const codec = jsonCodec();
const bytes = (text: string): Uint8Array => Buffer.from(text);
const escaped = (letter: string): string => `\\u00${letter.charCodeAt(0).toString(16).toUpperCase()}`;
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('the JSON codec', () => {
  it.each([null, 0, '', 'ä 🎉', [], {}, { a: [1, { b: null }] }])('carries %j there and back', (value) => {
    expect(codec.decode(codec.encode(value))).toEqual(value);
  });

  it.each(['', '{', 'nonsense', '{"a":1}}', '\ufeff{}x'])('refuses the text %j', (text) => {
    expect(() => codec.decode(bytes(text))).toThrow(expect.objectContaining({ code: 'PAYLOAD_UNDECODABLE' }));
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => codec.decode(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_UNDECODABLE' }),
    );
  });

  it('accepts 64 levels and refuses 65, in both directions', () => {
    expect(codec.decode(bytes(nested(64)))).toBeInstanceOf(Array);
    expect(() => codec.decode(bytes(nested(65)))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_TOO_DEEP' }),
    );
    expect(() => codec.encode(JSON.parse(nested(65)))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_TOO_DEEP' }),
    );
  });

  it('refuses 100,000 levels without overflowing the stack', () => {
    expect(() => codec.decode(bytes(nested(100_000)))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_TOO_DEEP' }),
    );
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    expect(() => codec.encode(deep)).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_DEEP' }));
  });

  it('accepts 150,000 members and refuses more, in both directions', () => {
    const entries = (count: number): string =>
      `{${Array.from({ length: count }, (_, nth) => `"${nth.toString(36)}":0`).join()}}`;
    expect(codec.decode(bytes(entries(149_999)))).toBeInstanceOf(Object);
    const tooLarge = expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }) as Error;
    for (const text of [entries(150_000), `[${'{},'.repeat(150_000)}{}]`]) {
      expect(() => codec.decode(bytes(text))).toThrow(tooLarge);
      expect(() => codec.encode(JSON.parse(text))).toThrow(tooLarge);
    }
    expect(codec.decode(bytes(`[${'0,'.repeat(1_000_000)}"${':'.repeat(200_000)}"]`))).toBeInstanceOf(Array);
    expect(jsonCodec({ maxMembers: 1 }).decode(bytes('{}'))).toEqual({});
    expect(() => jsonCodec({ maxMembers: 1 }).decode(bytes('{"a":0}'))).toThrow(tooLarge);
  });

  it('does not count brackets in strings', () => {
    const text = JSON.stringify({ text: `${'['.repeat(500)}\\"${'{'.repeat(500)}` });
    expect(codec.decode(bytes(text))).toHaveProperty('text');
  });

  it.each([
    '{"__proto__":{"admin":true}}',
    '{"a":[{"\\u005f_proto__":1}]}',
    ...['_', 'p', 'r', 'o', 't'].map((letter) => `{"${'__proto__'.replaceAll(letter, escaped(letter))}":1}`),
    ...['c', 'o', 'n', 's', 't', 'r', 'u', 'p'].map(
      (letter) =>
        `{"${'constructor'.replaceAll(letter, escaped(letter))}":{"${'prototype'.replaceAll(letter, escaped(letter))}":1}}`,
    ),
    '{"constructor":{"protot\\u0079p\\u0065":1}}',
    '{"constructor":{"prototype":{"x":1}}}',
  ])('refuses %s, which would pollute prototypes', (text) => {
    expect(() => codec.decode(bytes(text))).toThrow(expect.objectContaining({ code: 'PAYLOAD_INVALID' }));
  });

  it.each<[string, object]>([
    ['made by toJSON', { toJSON: () => JSON.parse('{"__proto__":{"admin":true}}') as unknown }],
    ['made by toJSON inside', { a: [{ b: { toJSON: () => JSON.parse('{"__proto__":1}') as unknown } }] }],
    [
      'made by a getter',
      {
        get constructor() {
          return { prototype: { admin: true } };
        },
      },
    ],
    [
      'that a getter shows the second time it is read',
      Object.defineProperty({}, 'a', {
        enumerable: true,
        get: (() => {
          let reads = 0;
          return () => (++reads === 1 ? (JSON.parse('{"__proto__":1}') as unknown) : 1);
        })(),
      }),
    ],
    [
      'of a class',
      new (class {
        toJSON = () => ({ constructor: { prototype: {} } });
      })(),
    ],
  ])('refuses to encode keys that pollute prototypes %s', (_, payload) => {
    expect(() => codec.encode(payload)).toThrow(expect.objectContaining({ code: 'PAYLOAD_INVALID' }));
  });

  it('accepts a constructor that is only a word', () => {
    expect(codec.decode(bytes('{"constructor":"Brunel"}'))).toEqual({ constructor: 'Brunel' });
  });

  it.each([undefined, () => 1, Symbol('x'), 1n])('refuses to encode %p', (value) => {
    expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: 'PAYLOAD_INVALID' }));
  });

  it('refuses to encode a cycle', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(() => codec.encode(cycle)).toThrow(expect.objectContaining({ code: 'PAYLOAD_INVALID' }));
  });
});
