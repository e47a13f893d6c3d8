import { InFlightEntry, type Source } from './stream-entry.js';

const STREAM = 'p:{orders}:log';

function entry(source: Source, fields: readonly (string | Buffer)[], crashes = 0): InFlightEntry {
  const origin = { source, stream: STREAM, consumer: 'me' };
  const bytes = fields.map((field) => Buffer.from(field as string));
  return new InFlightEntry(origin, Buffer.from('7-1'), bytes, crashes);
}

const OURS = ['id', 'a', 'headers', '{"h":"1","x-swy-attempt":"9"}', 'body', '{}'];

describe('an entry of the topic', () => {
  it('is read without the control headers and the attempt that another program has written', () => {
    const read = entry(1, [...OURS, 'key', 'k', 'attempt', '99']);
    expect(read).toMatchObject({ attempt: 1, hasIgnoredHeaders: true, unacceptable: undefined });
    expect(read.message).toEqual({ id: 'a', headers: { h: '1' }, body: Buffer.from('{}'), key: 'k' });
  });

  it('without an id is identified by its stream and its place there, not by its content', () => {
    expect(entry(1, ['id', '', 'headers', '{}', 'body', 'x']).message.id).toBe(`${STREAM}/7-1`);
    const foreign = entry(1, ['color', 'red']);
    expect(foreign.message).toEqual({
      id: `${STREAM}/7-1`,
      headers: {},
      body: Buffer.from('{"color":"red"}'),
    });
    expect(foreign.unacceptable).toBeUndefined();
  });

  it('that is not text keeps its bytes', () => {
    const { body } = entry(1, ['color', Buffer.from([0xff])]).message;
    expect(JSON.parse(Buffer.from(body).toString())).toEqual({ 'Y29sb3I=': '/w==' });
  });

  it('has the bytes of its key for the lock, also when it is foreign', () => {
    expect(entry(1, ['key', Buffer.from([0xff]), 'color', 'red']).lockKey).toEqual(Buffer.from([0xff]));
  });
});

describe('an entry of the group', () => {
  it('is read with its attempt and its control headers', () => {
    const read = entry(2, [...OURS, 'attempt', '3'], 2);
    expect(read).toMatchObject({ attempt: 5, hasIgnoredHeaders: false });
    expect(read.message.headers).toHaveProperty('x-swy-attempt', '9');
  });

  it.each(['x', '-1', '1.5', '1e99'])('with the attempt %j is on its first', (attempt) => {
    expect(entry(2, [...OURS, 'attempt', attempt]).attempt).toBe(1);
  });

  it.each([
    ['headers that are no JSON', ['id', 'a', 'headers', '{', 'body', 'raw'], 'raw'],
    ['no body', ['id', 'a', 'headers', '{}'], '{"id":"a","headers":"{}"}'],
    ['other fields', ['color', 'red'], '{"color":"red"}'],
    ['what the mover could not read', ['unreadable', 'packed'], 'packed'],
  ])('with %s is unacceptable, with its raw bytes', (_, fields, body) => {
    const read = entry(2, fields);
    expect(read.unacceptable).toEqual({
      reason: 'deserialization_failed',
      detail: `Entry 7-1 of ${STREAM} is not a message of this transport.`,
    });
    expect(Buffer.from(read.message.body).toString()).toBe(body);
    expect(read.message.id).toBe(`${STREAM}/7-1`);
  });
});

describe('an entry that is larger than any message of ours', () => {
  const many = Array.from({ length: 4_000 }, (_, nth) => `f${nth}`);
  const headersOf = (count: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, nth) => [`h${nth}`, ''])));

  it.each([
    ['thousands of fields', many, ': it has 2000 fields', many.join('')],
    ['thousands of fields behind ours', [...OURS, ...many], ': it has 2003 fields', '{}'],
    [
      'a huge foreign value',
      ['a', 'x'.repeat(4 * 2 ** 20)],
      ': it has 4194305 bytes',
      `a${'x'.repeat(4 * 2 ** 20)}`,
    ],
  ] as const)('with %s is unacceptable, with its raw bytes', (_, fields, excess, body) => {
    const read = entry(1, fields);
    expect(read.unacceptable).toEqual({
      reason: 'deserialization_failed',
      detail: `Entry 7-1 of ${STREAM} is not a message of this transport${excess}.`,
    });
    expect(Buffer.from(read.message.body).toString() === body).toBe(true);
  });

  it.each([
    ['headers', ['id', 'a', 'headers', JSON.stringify({ h: 'x'.repeat(2 ** 18) }), 'body', 'raw']],
    ['number of headers', ['id', 'a', 'headers', headersOf(5_001), 'body', 'raw']],
    ['id', ['id', 'a'.repeat(2 ** 17), 'headers', '{}', 'body', 'raw']],
  ])('by its %s is no message of ours', (_, fields) => {
    const read = entry(2, fields);
    expect(read.unacceptable).toMatchObject({ reason: 'deserialization_failed' });
    expect(Buffer.from(read.message.body).toString()).toBe('raw');
  });

  it.each([NaN, -9_223_372_036_854_775_808, 1e300, -1])('has no crashes where there are %s', (crashes) => {
    expect(entry(1, OURS, crashes).attempt).toBe(1);
  });
});
