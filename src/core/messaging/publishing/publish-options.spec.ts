import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { systemClock } from '../ports/clock.js';
import { DEFAULT_MESSAGE_LIMITS } from '../message/message-limits.js';
import { defineMessage, type MessageType } from '../message/message-type.js';
import { MessageWriter } from './message-writer.js';
import { delayOf, type PublishMessageOptions, readPublishOptions } from './publish-options.js';

const check = (options: PublishMessageOptions): unknown =>
  readPublishOptions(options, DEFAULT_MESSAGE_LIMITS);
const codeOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return (error as { code: unknown }).code;
  }
  return undefined;
};

describe('options of a publish', () => {
  it.each([
    [{ delayMs: -1 }, 'OPTION_INVALID'],
    [{ delayMs: NaN }, 'OPTION_INVALID'],
    [{ delayMs: 31 * 24 * 3_600_000 }, 'OPTION_INVALID'],
    [{ deliverAt: new Date(NaN) }, 'OPTION_INVALID'],
    [{ deliverAt: new Date(), delayMs: 1 }, 'OPTION_INVALID'],
    [{ expiresInMs: Infinity }, 'OPTION_INVALID'],
    [{ messageId: '' }, 'OPTION_INVALID'],
    [{ messageId: 5 as unknown as string }, 'OPTION_INVALID'],
    [{ messageId: 'two words' }, 'OPTION_INVALID'],
    [{ messageId: 'x'.repeat(201) }, 'OPTION_INVALID'],
    [{ correlationId: 'line\nbreak' }, 'OPTION_INVALID'],
    [{ headers: { tenant: 'a\r\nset-cookie: x' } }, 'HEADER_INVALID'],
    [{ headers: { tenant: 'a\0' } }, 'HEADER_INVALID'],
    [{ headers: { Tenant: 'a' } }, 'HEADER_INVALID'],
    [{ headers: { ['__proto__']: 'a' } }, 'HEADER_INVALID'],
    [{ headers: { ce_source: 'forged' } }, 'HEADER_INVALID'],
    [{ headers: { 'x-msg-attempt': '-1' } }, 'HEADER_INVALID'],
    [{ headers: { 'x-swy-attempt': '2' } }, 'HEADER_INVALID'],
    [{ headers: { 'x-swy-anything': '' } }, 'HEADER_INVALID'],
    [{ headers: { traceparent: '00-zz-1-01' } }, 'HEADER_INVALID'],
    [{ headers: { a: 'x'.repeat(17 * 1024) } }, 'HEADER_INVALID'],
    [{ headers: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`h${n}`, ''])) }, 'HEADER_INVALID'],
  ] as [PublishMessageOptions, string][])('that are wrong (case %#) are refused', (options, code) => {
    expect(codeOf(() => check(options))).toBe(code);
  });

  it.each(['ce_source', 'x-swy-history', 'x-msg-dl-id'])('name the header %s in their refusal', (name) => {
    expect(() => check({ headers: { [name]: 'forged' } })).toThrow(
      `Header "${name}" is set by the messaging module; choose one that does not begin with ce_, x-swy-, x-msg-.`,
    );
  });

  it('that are right pass', () => {
    check({
      delayMs: 0,
      expiresInMs: 1,
      messageId: 'order:1/2',
      headers: { tenant: 'ä 🎉', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    });
  });

  it('have whole milliseconds, rounded up', () => {
    expect(check({ delayMs: 1_500.5, expiresInMs: 0.1, deadlineMs: 0.1 * 3 * 1_000 })).toEqual({
      delayMs: 1_501,
      expiresInMs: 1,
      deadlineMs: 301,
    });
  });

  it.each([
    ['an object', { tenant: 'a', tier: 'b' }],
    [
      'an object without a prototype',
      Object.assign(Object.create(null) as object, { tenant: 'a', tier: 'b' }),
    ],
    ['a Headers', new Headers({ Tenant: 'a', Tier: 'b' })],
    ['a Map', new Map(Object.entries({ tenant: 'a', tier: 'b' }))],
    ['a list of pairs', Object.entries({ tenant: 'a', tier: 'b' })],
    ['a generator of pairs', new Map(Object.entries({ tenant: 'a', tier: 'b' })).entries()],
    ['an object of another realm', runInNewContext(`({ tenant: 'a', tier: 'b' })`)],
  ] as [string, NonNullable<PublishMessageOptions['headers']>][])('take headers from %s', (_, headers) => {
    expect(check({ headers })).toEqual({ headers: { tenant: 'a', tier: 'b' } });
  });

  class Bag {
    tenant = 'a';
  }

  it.each([
    ['null', null, /headers is null; it must be/],
    ['text', 'tenant: a', /headers is a value of type string; it must be/],
    ['a function', () => undefined, /headers is a value of type function; it must be/],
    ['an instance of a class', new Bag(), /headers is an object of the class Bag; it must be/],
    ['a promise', Promise.resolve({}), /headers is an object of the class Promise; it must be/],
    ['a list of objects', [{ tenant: 'a' }], /headers yields an object of the class Object; each entry/],
    ['a list of texts', ['ab'], /headers yields a value of type string; each entry/],
    ['a pair without a value', [['tenant']], /headers yields an object of the class Array; each entry/],
    ['a symbol as a name', [[Symbol('x'), 'a']], /a value of type symbol cannot name a header/],
    ['a name that is given twice', [['tenant', 'a'], ['tenant', 'b']], /"tenant" is given twice/], // prettier-ignore
    ['a value that is no text', { tenant: 7 }, /"tenant" must be text/],
    ['a reserved name in a Headers', new Headers({ 'X-Swy-Attempt': '9' }), /"x-swy-attempt" is set by/],
    ['a reserved name in a Map', new Map([['x-swy-topic', 'orders']]), /"x-swy-topic" is set by/],
    ['__proto__ in a Map', new Map([['__proto__', 'x']]), /"__proto__" cannot name a header/],
  ])('refuse %s as headers', (_, headers, text) => {
    const options = { headers } as unknown as PublishMessageOptions;
    expect(codeOf(() => check(options))).toBe('HEADER_INVALID');
    expect(() => check(options)).toThrow(text);
  });

  it('are read once, so that a getter cannot change a header after its check', () => {
    let reads = 0;
    const headers = {
      get tenant() {
        reads += 1;
        return 'a';
      },
    };
    expect(check({ headers })).toEqual({ headers: { tenant: 'a' } });
    expect(reads).toBe(1);
  });

  it('turn a time into a delay, and a time in the past into none', () => {
    const clock = { ...systemClock, now: () => 1_000 };
    expect(delayOf({ deliverAt: new Date(3_500) }, clock)).toBe(2_500);
    expect(delayOf({ deliverAt: new Date(10) }, clock)).toBe(0);
    expect(delayOf({ deliverAt: new Date(3_500) }, { ...clock, now: () => 1_000.25 })).toBe(2_500);
    expect(codeOf(() => delayOf({ deliverAt: new Date(1e13) }, clock))).toBe('OPTION_INVALID');
  });
});

describe('a written message', () => {
  const writer = new MessageWriter(
    'shop',
    { ...DEFAULT_MESSAGE_LIMITS, maxBodyBytes: 100 },
    { ...systemClock, now: () => 0 },
  );
  const type = defineMessage('orders.placed', z.object({ id: z.string() }), {
    key: (order) => order.id,
  }) as unknown as MessageType;
  const planned = { type, template: writer.templateOf(type) };

  it('carries the CloudEvents attributes and the payload as it was given', () => {
    const message = writer.write(planned, { id: 'o-1', more: 1 }, { expiresInMs: 5 }, undefined);
    expect(message).toMatchObject({
      key: 'o-1',
      headers: {
        'content-type': 'application/json',
        ce_type: 'orders.placed',
        ce_source: 'shop',
        ce_time: '1970-01-01T00:00:00.000Z',
        ce_expirytime: '1970-01-01T00:00:00.005Z',
      },
    });
    expect(Buffer.from(message.body).toString()).toBe('{"id":"o-1","more":1}');
  });

  it.each([99, 100, 101])('of %d bytes is refused above the limit of 100 only', (bytes) => {
    const payload = { id: 'x'.repeat(bytes - '{"id":""}'.length) };
    const write = (): unknown => writer.write(planned, payload, { key: 'k' }, undefined);
    expect(codeOf(write)).toBe(bytes > 100 ? 'MESSAGE_TOO_LARGE' : undefined);
  });

  it.each(['', 'x'.repeat(513), 'a\nb', 7 as unknown as string])(
    'with an unusable key (case %#) is refused',
    (key) => {
      expect(codeOf(() => writer.write(planned, { id: 'o' }, { key }, undefined))).toBe('OPTION_INVALID');
    },
  );
});
