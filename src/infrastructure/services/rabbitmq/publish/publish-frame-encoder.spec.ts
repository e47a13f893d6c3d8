import type { ConfirmChannel, Options } from '../client/amqplib-client.js';
import { decodeContentHeader } from '../wire/content-header.js';
import { OutboundMessage } from './outbound-message.js';
import { PublishFrameEncoder } from './publish-frame-encoder.js';

const CONTENT_HEADER = 2;

/** Channel 1 of a client that only keeps what is written. */
function channelInto(written: Buffer[]): ConfirmChannel {
  const channel = { ch: 1, pushConfirmCallback: () => undefined } as Record<string, unknown>;
  const open = { channel, buffer: { write: (chunk: Buffer) => written.push(chunk) > 0 } };
  channel['connection'] = { frameMax: 131_072, sentSinceLastCheck: false, channels: [null, open] };
  return channel as unknown as ConfirmChannel;
}

function outbound(properties: Options.Publish): OutboundMessage {
  const message = new OutboundMessage({ settled: () => undefined }, 0, Buffer.from('body'), properties);
  message.exchange = 'shop';
  return message;
}

/** Properties of the messages in these bytes. */
function propertiesIn(bytes: Buffer): unknown[] {
  const found: unknown[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 7 + bytes.readUInt32BE(at + 3);
    expect(bytes[end]).toBe(0xce);
    if (bytes[at] === CONTENT_HEADER) found.push(decodeContentHeader(bytes.subarray(at + 7, end))?.fields);
    at = end + 1;
  }
  return found;
}

describe('PublishFrameEncoder', () => {
  it('writes the messages of a turn in one step, headers of text and the delivery mode included', () => {
    const written: Buffer[] = [];
    const encoder = PublishFrameEncoder.of(channelInto(written));
    const headers = { 'x-swy-deadline': '1764579600000', 'x-name': 'Zürich 🚉', 'x-empty': '' };
    const request = { contentType: 'application/json', headers, deliveryMode: 1, messageId: 'one' };
    expect(encoder?.add(outbound(request), () => undefined)).toBe(true);
    expect(encoder?.add(outbound({ deliveryMode: 2, messageId: 'two' }), () => undefined)).toBe(true);
    encoder?.flush();
    expect(written).toHaveLength(1);
    const [first, second] = propertiesIn(written[0] as Buffer);
    expect(first).toMatchObject(request);
    expect(second).toMatchObject({ headers: undefined, deliveryMode: 2, messageId: 'two' });
  });

  it.each([
    ['a header that is no text', { 'x-attempt': 2 }],
    ['a name that may be too long for the wire', { ['x'.repeat(85)]: '' }],
    ['a table that does not fit into the batch', { 'x-large': 'ü'.repeat(40_000) }],
  ])('leaves %s to the client', (_, headers) => {
    const written: Buffer[] = [];
    const encoder = PublishFrameEncoder.of(channelInto(written));
    expect(encoder?.add(outbound({ messageId: 'one' }), () => undefined)).toBe(true);
    expect(encoder?.add(outbound({ headers, messageId: 'two' }), () => undefined)).toBe(false);
    // Those before it are written first.
    expect(written).toHaveLength(1);
  });
});
