import { z } from 'zod';
import { systemClock } from '../ports/clock.js';
import { DEFAULT_MESSAGE_LIMITS } from '../message/message-limits.js';
import { defineMessage, type MessageType } from '../message/message-type.js';
import { MessageWriter } from './message-writer.js';
import { checkPublishOptions, delayOf, type PublishMessageOptions } from './publish-options.js';

const check = (options: PublishMessageOptions): void => checkPublishOptions(options, DEFAULT_MESSAGE_LIMITS);
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

  it('turn a time into a delay, and a time in the past into none', () => {
    const clock = { ...systemClock, now: () => 1_000 };
    expect(delayOf({ deliverAt: new Date(3_500) }, clock)).toBe(2_500);
    expect(delayOf({ deliverAt: new Date(10) }, clock)).toBe(0);
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

  it('carries the CloudEvents attributes and the payload as it was given', () => {
    const message = writer.write(type, { id: 'o-1', more: 1 }, { expiresInMs: 5 }, undefined);
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
    const write = (): unknown => writer.write(type, payload, { key: 'k' }, undefined);
    expect(codeOf(write)).toBe(bytes > 100 ? 'MESSAGE_TOO_LARGE' : undefined);
  });

  it.each(['', 'x'.repeat(513), 'a\nb', 7 as unknown as string])(
    'with an unusable key (case %#) is refused',
    (key) => {
      expect(codeOf(() => writer.write(type, { id: 'o' }, { key }, undefined))).toBe('OPTION_INVALID');
    },
  );
});
