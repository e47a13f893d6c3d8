import type { WireMessage } from '../../../../core/messaging/ports/transport.js';
import type { KafkaMessage } from '../client/kafkajs-client.js';
import { decode as decodeAt, type DecodedRecord, encode, type OutRecord } from './kafka-record.js';

const message: WireMessage = {
  id: 'id-1',
  key: 'käy',
  headers: { ce_type: 'orders.placed', 'x-näme': 'wert ✓' },
  body: Buffer.from([0, 1, 255]),
};

type Record = Pick<KafkaMessage, 'key' | 'value' | 'headers'>;
const PUBLIC = { topic: 'switchyard.t', partition: 2, isPublic: true };
const OWN = { ...PUBLIC, topic: 'switchyard.t..g', isPublic: false };

/** In the group's own topic, unless it is said. */
function decode(record: Record, place = OWN, at: object = {}): Omit<DecodedRecord, 'to'> {
  const { to: _, ...decoded } = decodeAt(
    { offset: '7', timestamp: '1700000000000', ...at, ...record },
    place,
  );
  return decoded;
}

/** As the client hands it over. */
function received({ key, value, headers }: OutRecord): Record {
  const bytes = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)] as const);
  return { key: key === null ? null : Buffer.from(key), value, headers: Object.fromEntries(bytes) };
}

it('a message comes back as it was', () => {
  expect(decode(received(encode(message)))).toEqual({
    message,
    attempt: 1,
    delay: undefined,
    hasIgnoredHeaders: false,
  });
});

it('attempt and delay travel with it, and no application sees them', () => {
  const delay = { topic: 't', group: 'g', dueAt: 1_700_000_000_000, delayMs: 250 };
  const opened = decode(received(encode(message, { attempt: 3, delay })));
  expect(opened).toEqual({ message, attempt: 3, delay, hasIgnoredHeaders: false });
});

it('takes off its own headers and no others of ours, and forwards none of its own', () => {
  const ofOthers = {
    'x-swy-history': '1@1:Error',
    'x-swy-dead-letter-id': 'd',
    'x-swy-spool': '{}',
    'x-swy-key': 'k',
  };
  const forged = { 'x-swy-topic': 't', 'x-swy-due-at': '1', 'x-swy-delay-ms': '1', ce_specversion: '0.3' };
  const opened = decode(received(encode({ ...message, headers: { ...ofOthers, ...forged } })));
  expect(opened).toEqual({
    message: { ...message, headers: ofOthers },
    attempt: 1,
    delay: undefined,
    hasIgnoredHeaders: false,
  });
});

it('counts on from the attempt that the message brings', () => {
  const brought = { ...message, headers: { 'x-swy-attempt': '4' } };
  const bare = { ...message, headers: {} };
  expect(decode(received(encode(brought)))).toEqual({
    message: bare,
    attempt: 4,
    delay: undefined,
    hasIgnoredHeaders: false,
  });
  expect(decode(received(encode(brought, { attempt: 2 }))).attempt).toBe(4);
  expect(decode(received(encode(brought, { attempt: 5 }))).attempt).toBe(5);
});

it('times are rounded up, and the fractions that an earlier version wrote are read', () => {
  const rounded = { topic: 't', group: undefined, dueAt: 11, delayMs: 1 };
  const sealed = encode(message, { delay: { topic: 't', dueAt: 10.2, delayMs: 0.5 } });
  expect(sealed.headers).toMatchObject({ 'x-swy-due-at': '11', 'x-swy-delay-ms': '1' });
  expect(decode(received(sealed)).delay).toEqual(rounded);
  const headers = { 'x-swy-topic': 't', 'x-swy-due-at': '10.2', 'x-swy-delay-ms': '0.5' };
  expect(decode({ key: null, value: null, headers }).delay).toEqual(rounded);
});

it('a message without a key has none, and an empty key is one', () => {
  const { id, headers, body } = message;
  expect(decode(received(encode({ id, headers, body }))).message).not.toHaveProperty('key');
  expect(decode(received(encode({ ...message, key: '' }))).message.key).toBe('');
});

it('id and version are where the CloudEvents binding has them', () => {
  const sealed = encode(message);
  expect(sealed.headers).toMatchObject({ ce_specversion: '1.0', ce_id: 'id-1', ce_type: 'orders.placed' });
  expect(Object.keys(decode(received(sealed)).message.headers)).toEqual(['ce_type', 'x-näme']);
});

it('a foreign record has the id of its place, the same each time, and a tombstone an empty body', () => {
  const foreign = {
    key: null,
    value: Buffer.from('x'),
    headers: { many: [Buffer.from('a'), Buffer.from('b')] },
  };
  const [first, second] = [decode(foreign), decode(foreign)];
  expect(first.message.id).toBe('switchyard.t..g-2-7-1700000000000');
  const others = [{ offset: '8' }, { timestamp: '1700000000001' }].map((at) => decode(foreign, OWN, at));
  const elsewhere = [{ ...OWN, partition: 3 }, PUBLIC].map((place) => decode(foreign, place));
  expect(new Set([first, ...others, ...elsewhere].map(({ message: { id } }) => id)).size).toBe(5);
  expect(decode({ ...foreign, headers: { ce_id: '' } }).message.id).toBe(first.message.id);
  expect(second).toEqual(first);
  expect(first.message.headers).toEqual({ many: 'b' });
  expect(decode({ key: null, value: null }).message.body).toHaveLength(0);
});

it('a foreign header without a value is empty', () => {
  const headers = { none: null } as unknown as KafkaMessage['headers'];
  expect(decode({ key: null, value: null, headers: headers ?? {} }).message.headers).toEqual({ none: '' });
});

it('nonsense in foreign headers counts for nothing', () => {
  const headers = {
    'x-swy-attempt': 'many',
    'x-swy-topic': 't',
    'x-swy-due-at': '1e9',
    'x-swy-delay-ms': '-1',
  };
  expect(decode({ key: null, value: Buffer.from('x'), headers })).toMatchObject({
    attempt: 1,
    delay: undefined,
  });
});

it('control headers from the topic of all groups are ignored, and others kept', () => {
  const forged = {
    'x-swy-attempt': '99',
    'x-swy-history': '1@1:Error',
    'x-swy-dead-letter-id': 'd',
    'x-swy-topic': 'invented',
    'x-swy-due-at': '1',
    'x-swy-delay-ms': '1',
    ce_id: 'id',
    ce_type: 'orders.placed',
  };
  const record = { key: null, value: Buffer.from('x'), headers: forged };
  const { message: given, ...rest } = decode(record, PUBLIC);
  expect(given).toMatchObject({ id: 'id', headers: { ce_type: 'orders.placed' } });
  expect(rest).toEqual({ attempt: 1, delay: undefined, hasIgnoredHeaders: true });
  expect(Object.keys(given.headers)).toEqual(['ce_type']);
  expect(decode(record)).toMatchObject({ attempt: 99, hasIgnoredHeaders: false });
  expect(decode({ ...record, headers: { ce_id: 'id' } }, PUBLIC).hasIgnoredHeaders).toBe(false);
});

it.each([
  ['an attempt', { attempt: Number.NaN }],
  ['a time', { delay: { topic: 't', dueAt: Number.POSITIVE_INFINITY, delayMs: 1 } }],
  ['a delay', { delay: { topic: 't', dueAt: 1, delayMs: Number.NaN } }],
  ['a topic', { delay: { topic: 't'.repeat(201), dueAt: 1, delayMs: 1 } }],
  ['a group', { delay: { topic: 't', group: 'g'.repeat(201), dueAt: 1, delayMs: 1 } }],
])('%s that cannot be read is not written', (_, transit) => {
  expect(() => encode(message, transit)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
});

it('names the destination of a record whose delay cannot be read', () => {
  const headers = { 'x-swy-topic': 't', 'x-swy-group': 'g', 'x-swy-due-at': 'soon' };
  const record = { key: null, value: null, headers, offset: '0', timestamp: '0' };
  expect(decodeAt(record, OWN)).toMatchObject({ delay: undefined, to: { topic: 't', group: 'g' } });
});
