import type { WireMessage } from '../../../core/messaging/transport.js';
import type { KafkaMessage } from './kafkajs/kafkajs-client.js';
import { open, type OutRecord, seal } from './kafka-record.js';

const message: WireMessage = {
  id: 'id-1',
  key: 'käy',
  headers: { ce_type: 'orders.placed', 'x-näme': 'wert ✓' },
  body: Buffer.from([0, 1, 255]),
};

/** As the client hands it over. */
function received({ key, value, headers }: OutRecord): Pick<KafkaMessage, 'key' | 'value' | 'headers'> {
  const bytes = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)] as const);
  return { key: key === null ? null : Buffer.from(key), value, headers: Object.fromEntries(bytes) };
}

it('a message comes back as it was', () => {
  expect(open(received(seal(message)))).toEqual({ message, attempt: 1, delay: undefined });
});

it('attempt and delay travel with it, and no application sees them', () => {
  const delay = { topic: 't', group: 'g', dueAt: 1_700_000_000_000, delayMs: 250 };
  const opened = open(received(seal(message, { attempt: 3, delay })));
  expect(opened).toEqual({ message, attempt: 3, delay });
});

it('a message without a key has none, and an empty key is one', () => {
  const { id, headers, body } = message;
  expect(open(received(seal({ id, headers, body }))).message).not.toHaveProperty('key');
  expect(open(received(seal({ ...message, key: '' }))).message.key).toBe('');
});

it('the id is where the CloudEvents binding has it', () => {
  expect(seal(message).headers).toMatchObject({ ce_id: 'id-1', ce_type: 'orders.placed' });
});

it("a stranger's message gets the same id each time, and a tombstone an empty body", () => {
  const strange = {
    key: null,
    value: Buffer.from('x'),
    headers: { many: [Buffer.from('a'), Buffer.from('b')] },
  };
  const [first, second] = [open(strange), open(strange)];
  expect(first.message.id).toMatch(/^unnamed-[0-9a-f]{32}$/);
  expect(second).toEqual(first);
  expect(first.message.headers).toEqual({ many: 'b' });
  expect(open({ key: null, value: null }).message.body).toHaveLength(0);
});

it("a stranger's header without a value is empty", () => {
  const headers = { none: null } as unknown as KafkaMessage['headers'];
  expect(open({ key: null, value: null, headers: headers ?? {} }).message.headers).toEqual({ none: '' });
});

it("nonsense in a stranger's headers counts for nothing", () => {
  const headers = {
    'x-swy-attempt': 'many',
    'x-swy-topic': 't',
    'x-swy-due-at': '1e9',
    'x-swy-delay-ms': '-1',
  };
  expect(open({ key: null, value: Buffer.from('x'), headers })).toMatchObject({
    attempt: 1,
    delay: undefined,
  });
});
