import { uuidV7 } from '../../../../core/messaging/message/ids.js';
import type { Message } from '../client/amqplib-client.js';
import { withFlaw } from './content-header.js';
import { decode, encode, MALFORMED, PROBE, probedIn, removalOf, type Transit } from './message-codec.js';

const body = Buffer.from('body');
/** As the broker delivers it. */
const arriving = (properties: object, content = body): Message =>
  ({ properties: { headers: {}, ...properties }, content, fields: {} }) as unknown as Message;
const through = (message: Parameters<typeof encode>[0], transit?: Transit) =>
  decode(arriving(encode(message, transit)));

describe('The envelope', () => {
  it('puts what every message has into fields of AMQP and needs no table for it', () => {
    const now = 1_800_000_000_123;
    const headers = {
      'content-type': 'application/json',
      ce_type: 'order.placed',
      ce_source: 'shop',
      ce_time: new Date(now).toISOString(),
      ce_correlationid: 'c',
    };
    const message = { id: uuidV7(now), headers, body };
    expect(encode(message)).toEqual({
      mandatory: true,
      deliveryMode: 2,
      messageId: message.id,
      contentType: 'application/json',
      type: 'order.placed',
      appId: 'shop',
      correlationId: 'c',
      timestamp: 1_800_000_000,
    });
    expect(through(message)).toEqual({ message, attempt: 1, crashes: 0, ignored: 0 });
  });

  it.each([
    ['a time that is not in the id', { ce_time: '2026-01-01T00:00:00.001Z' }],
    ['a time of a whole second', { ce_time: '2026-01-01T00:00:00.000Z' }],
    ['a time in other words', { ce_time: '2026-01-01T01:00:00+01:00' }],
    ['a time that is none', { ce_time: 'soon' }],
    ['a time before 1970', { ce_time: '1969-01-01T00:00:00.000Z' }],
    ['values that fit into no field', { ce_type: 'ä'.repeat(200), ce_source: 'x'.repeat(256) }],
    ['empty values', { ce_type: '', tenant: '' }],
    ['headers of the application', { tenant: 'Łódź 🎉', 'x-other': '1' }],
  ])('gives back %s', (_, headers) => {
    for (const id of [uuidV7(), 'some-id'])
      expect(through({ id, headers, body })).toEqual({
        message: { id, headers, body },
        attempt: 1,
        crashes: 0,
        ignored: 0,
      });
  });

  it('marks a message whose headers cannot be read, and keeps what is left of it', () => {
    const headers = withFlaw({ tenant: 'a', 'x-swy-attempt': 3 }, 'nested');
    expect(decode(arriving({ messageId: 'i', headers }))).toMatchObject({
      message: { id: 'i', headers: { tenant: 'a' }, body },
      attempt: 3,
      removed: MALFORMED,
      flaw: 'nested',
    });
    const broken = Object.defineProperty({}, 'x-swy-key', {
      get: () => {
        throw new Error('broken');
      },
    });
    expect(decode(arriving({ messageId: 'i', headers: broken }))).toMatchObject({
      message: { id: 'i', headers: {}, body },
      removed: MALFORMED,
      flaw: 'Error: broken',
    });
  });

  it('shortens an id that would not fit into a field again, always in the same way', () => {
    const id = '\ufffd'.repeat(255);
    const { message } = decode(arriving({ messageId: id }));
    expect(id.startsWith(message.id) && Buffer.byteLength(message.id) <= 255).toBe(true);
    expect(message.id).toBe(decode(arriving({ messageId: id })).message.id);
  });

  it('carries key, attempt and delay without showing them as headers', () => {
    const message = { id: 'i', key: 'Schlüssel', headers: {}, body };
    const delay = { topic: 't', group: 'g', dueAt: 1_800_000_000_123, delayMs: 5, leftMs: 3 };
    expect(through(message, { attempt: 3, delay })).toEqual({
      message,
      attempt: 3,
      crashes: 0,
      ignored: 0,
      delay,
    });
  });

  it('reads the crashes that the broker has counted', () => {
    const headers = { 'x-swy-attempt': 3, 'x-delivery-count': 2 };
    expect(
      decode(arriving({ messageId: 'i', headers }), { isPublic: false, isRedelivered: true }),
    ).toMatchObject({
      attempt: 3,
      crashes: 2,
      message: { headers: {} },
    });
    expect(decode(arriving({ messageId: 'i', headers })).crashes).toBe(0);
  });

  it('counts on from the attempt that the message brings, as a number or as text', () => {
    const message = { id: 'i', headers: { 'x-swy-attempt': '4' }, body };
    const bare = { id: 'i', headers: {}, body };
    expect(through(message)).toEqual({ message: bare, attempt: 4, crashes: 0, ignored: 0 });
    expect(through(message, { attempt: 2 }).attempt).toBe(4);
    expect(through(message, { attempt: 5 }).attempt).toBe(5);
    const text = { 'x-swy-attempt': '3' };
    expect(decode(arriving({ messageId: 'i', headers: text })).attempt).toBe(3);
  });

  it('takes off its own headers and no others of ours, and forwards none of its own', () => {
    const ofCore = { 'x-swy-history': '1@1:Error', 'x-swy-dead-letter-id': 'd', 'x-swy-spool': '{}' };
    const forged = { 'x-swy-key': 'k', 'x-swy-probe': 'q', 'x-swy-due-at': '1', 'x-swy-topic': 't' };
    const message = { id: 'i', headers: ofCore, body };
    const sent = encode({ ...message, headers: { ...ofCore, ...forged } });
    expect(sent.headers).toEqual(ofCore);
    expect(decode(arriving(sent))).toEqual({ message, attempt: 1, crashes: 0, ignored: 0 });
  });

  it('rounds times up, and reads the fractions that an earlier version wrote', () => {
    const message = { id: 'i', headers: {}, body };
    expect(through(message, { delay: { topic: 't', dueAt: 10.2, delayMs: 0.5 } }).delay).toEqual({
      topic: 't',
      dueAt: 11,
      delayMs: 1,
    });
    const headers = { 'x-swy-topic': 't', 'x-swy-due-at': 10.2, 'x-swy-delay-ms': 0.5 };
    expect(decode(arriving({ messageId: 'i', headers })).delay).toEqual({
      topic: 't',
      dueAt: 11,
      delayMs: 1,
    });
  });

  it('marks a probe with the queue that it is put into', () => {
    expect(probedIn(arriving(encode(PROBE, { probe: 'q' }), Buffer.alloc(0)))).toBe('q');
    expect(probedIn(arriving(encode(PROBE, { probe: 'q' }), body))).toBeUndefined();
  });

  it('reads as much as possible of a foreign message', () => {
    const headers = {
      n: 5,
      deep: { a: [true] },
      raw: Buffer.from([1]),
      'x-death': [],
      'x-swy-attempt': 'many',
    };
    const decoded = decode(arriving({ headers, timestamp: 'yesterday' }));
    expect(decoded.message.headers).toEqual({ n: '5', deep: '{"a":[true]}', raw: 'AQ==' });
    expect(decoded.attempt).toBe(1);
    expect(decoded.message.id).toMatch(/^unnamed-[0-9a-f-]{36}$/);
  });

  it('gives two foreign messages without an id different ids, whatever they hold', () => {
    const ids = [1, 2].map(() => decode(arriving({})).message.id);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('knows what the broker has removed last, and why', () => {
    const removed = (reason: string) =>
      removalOf(
        arriving({
          headers: {
            'x-death': [
              { reason, queue: 'q' },
              { reason: 'expired', queue: 'w' },
            ],
          },
        }),
      );
    expect([removed('delivery_limit'), removed('maxlen'), removalOf(arriving({}))]).toEqual([
      { reason: 'delivery_limit', queue: 'q' },
      { reason: 'maxlen', queue: 'q' },
      undefined,
    ]);
  });

  it('carries the reason of a removal, and until when a message is held', () => {
    const message = { id: 'i', headers: {}, body };
    expect(through(message, { attempt: 2, removed: 'expired' })).toMatchObject({
      message,
      attempt: 2,
      removed: 'expired',
    });
    expect(through(message, { keptUntil: 10.5 })).toMatchObject({ message, keptUntil: 11 });
  });

  it.each([
    'constructor',
    '__proto__',
    'toString',
    'x-death',
    'x-first-death-queue',
    'x-delivery-count',
    'CC',
    'BCC',
    'x-swy-app-CC',
  ])('carries a header of the application that is named %s', (name) => {
    const headers = JSON.parse(`{"${name}": "v"}`) as Record<string, string>;
    const sent = encode({ id: 'i', headers, body });
    expect(Object.entries(through({ id: 'i', headers, body }).message.headers)).toEqual([[name, 'v']]);
    const onWire = Object.keys(sent.headers as object);
    expect(onWire).toEqual([/^(constructor|toString)$/.test(name) ? name : `x-swy-app-${name}`]);
  });

  it('believes no control header of a public address, and counts them', () => {
    const control = {
      'x-swy-attempt': 99,
      'x-swy-topic': 't',
      'x-swy-due-at': 1,
      'x-swy-delay-ms': 1,
      'x-swy-group': 'g',
      'x-swy-removed': 'expired',
      'x-swy-probe': 'q',
      'x-swy-history': 'h',
      'x-swy-dead-letter-id': 'd',
      'x-msg-attempt': 98,
    };
    const headers = {
      ...control,
      'x-swy-app-x-swy-attempt': '97',
      'x-delivery-count': 96,
      'x-swy-key': 'k',
      tenant: 'a',
      'x-death': [{ queue: 'q' }],
    };
    const decoded = decode(arriving({ messageId: 'i', headers }), { isPublic: true });
    expect(decoded).toEqual({
      message: {
        id: 'i',
        key: 'k',
        body,
        headers: { 'x-swy-app-x-swy-attempt': '97', tenant: 'a', 'x-death': '[{"queue":"q"}]' },
      },
      attempt: 1,
      crashes: 0,
      ignored: 10,
    });
    expect(decode(arriving({ messageId: 'i', headers })).attempt).toBe(99);
  });
});
