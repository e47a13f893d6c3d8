import { uuidV7 } from '../../../../core/messaging/message/ids.js';
import type { Message } from '../client/amqplib-client.js';
import { givenUpBy, decode, PROBE, probedIn, encode, type Transit } from './message-codec.js';

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
    expect(through(message)).toEqual({ message, attempt: 1, crashes: 0 });
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
      });
  });

  it('carries key, attempt and delay without showing them as headers', () => {
    const message = { id: 'i', key: 'Schlüssel', headers: {}, body };
    const delay = { topic: 't', group: 'g', dueAt: 1_800_000_000_123, delayMs: 5 };
    expect(through(message, { attempt: 3, delay })).toEqual({ message, attempt: 3, crashes: 0, delay });
  });

  it('reads the crashes that the broker has counted', () => {
    const headers = { 'x-swy-attempt': 3, 'x-delivery-count': 2 };
    expect(decode(arriving({ messageId: 'i', headers }))).toMatchObject({
      attempt: 3,
      crashes: 2,
      message: { headers: {} },
    });
  });

  it('counts on from the attempt that the message brings, as a number or as text', () => {
    const message = { id: 'i', headers: { 'x-swy-attempt': '4' }, body };
    const bare = { id: 'i', headers: {}, body };
    expect(through(message)).toEqual({ message: bare, attempt: 4, crashes: 0 });
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
    expect(decode(arriving(sent))).toEqual({ message, attempt: 1, crashes: 0 });
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
    expect(decoded.message.id).toMatch(/^unnamed-[0-9a-f]{32}$/);
    expect(decode(arriving({})).message.id).toBe(decoded.message.id);
    expect(decode(arriving({}, Buffer.from('other'))).message.id).not.toBe(decoded.message.id);
  });

  it('knows what the broker has given up', () => {
    const dead = (reason: string) =>
      givenUpBy(arriving({ headers: { 'x-death': [{ reason, queue: 'q' }] } }));
    expect([dead('delivery_limit'), dead('expired'), givenUpBy(arriving({}))]).toEqual([
      'q',
      undefined,
      undefined,
    ]);
  });
});
