import { HeadersReader, HeadersWriter } from './headers-json.js';

const HEADERS = { type: 'orders.placed', time: '2026-01-01T00:00:00.000Z' };

describe('HeadersWriter', () => {
  it.each([
    ['the same again', { ...HEADERS }],
    ['another value', { ...HEADERS, time: '2026-01-01T00:00:00.001Z' }],
    ['one more', { ...HEADERS, extra: 'x' }],
    ['one fewer', { type: HEADERS.type }],
    ['another name for a value', { kind: HEADERS.type, time: HEADERS.time }],
    ['another order', { time: HEADERS.time, type: HEADERS.type }],
    ['none', {}],
  ])('writes %s after others', (_, headers) => {
    const writer = new HeadersWriter();
    writer.write(HEADERS);
    expect(writer.write(headers)).toBe(JSON.stringify(headers));
    expect(writer.write(HEADERS)).toBe(JSON.stringify(HEADERS));
  });

  it('does not take changed headers for those that it has written', () => {
    const writer = new HeadersWriter();
    const headers: Record<string, string> = { ...HEADERS };
    writer.write(headers);
    headers['type'] = 'changed';
    expect(writer.write(headers)).toBe(JSON.stringify(headers));
  });
});

describe('HeadersReader', () => {
  it('reads the same again, for each message apart', () => {
    const reader = new HeadersReader({ isPublic: false });
    const text = JSON.stringify(HEADERS);
    const first = reader.read(Buffer.from(text));
    first!.headers['type'] = 'changed';
    expect(reader.read(Buffer.from(text))).toEqual({ headers: HEADERS, hasIgnored: false });
    expect(reader.read(Buffer.from('{}'))).toEqual({ headers: {}, hasIgnored: false });
    expect(reader.read(Buffer.from(text))).toEqual({ headers: HEADERS, hasIgnored: false });
  });

  it('keeps what it has read although the bytes are used for something else', () => {
    const reader = new HeadersReader({ isPublic: false });
    const bytes = Buffer.from('{"a":"b"}');
    reader.read(bytes);
    bytes.write('{"c":"d"}');
    expect(reader.read(bytes)?.headers).toEqual({ c: 'd' });
  });

  it('leaves out control headers where foreign programs may write, and only there', () => {
    const bytes = Buffer.from('{"x-swy-attempt":"99","a":"b"}');
    const reader = new HeadersReader({ isPublic: true });
    for (let time = 0; time < 2; time += 1)
      expect(reader.read(bytes)).toEqual({ headers: { a: 'b' }, hasIgnored: true });
    expect(reader.read(Buffer.from('{"a":"b"}'))).toEqual({ headers: { a: 'b' }, hasIgnored: false });
    expect(new HeadersReader({ isPublic: false }).read(bytes)?.headers).toHaveProperty('x-swy-attempt', '99');
  });

  it.each(['', 'x', '[]', 'null', '"text"', '{"a":1}', '{"a":{}}'])('refuses %j', (text) => {
    const reader = new HeadersReader({ isPublic: true });
    expect(reader.read(Buffer.from(text))).toBeUndefined();
    expect(reader.read(Buffer.from(text))).toBeUndefined();
  });
});
