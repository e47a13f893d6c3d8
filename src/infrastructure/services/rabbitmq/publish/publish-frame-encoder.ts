import type { ConfirmChannel, Options } from '../client/amqplib-client.js';
import type { OutboundMessage } from './outbound-message.js';

/** Bytes of a message besides its texts and its body: headers and ends of three frames, and fields of fixed size. */
const OVERHEAD_BYTES = 96;
/** Largest batch. A buffer serves many small ones: allocated for each, it made a collection every 320 ms at 500 messages/s. */
const BUFFER_BYTES = 65_536;
/** A text of this many characters fits into a short string of AMQP in any case. */
const SHORT_CHARACTERS = 84;
const FRAME_END = 0xce;
const BASIC = 60;
const PUBLISH = 40;
const MANDATORY = 1;
const PERSISTENT = 2;
/** Type of a value in a table: a long string, the letter S. */
const LONG_STRING = 0x53;

/** Property flags of the content header, in the order of the fields (AMQP 0-9-1, section 4.2.6.1). */
const FLAG = {
  contentType: 0x8000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  correlationId: 0x0400,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  appId: 0x0008,
} as const;

type Table = Readonly<Record<string, unknown>>;

/** Internals of the client that a batch is written with. They are not public, so each is feature-detected before use. */
interface Inside {
  readonly ch: number;
  readonly pushConfirmCallback: (confirmed: (error: unknown) => void) => void;
  readonly connection: {
    sentSinceLastCheck: boolean;
    readonly frameMax: number;
    readonly channels: readonly ({
      readonly channel: unknown;
      readonly buffer: { write(chunk: Buffer): boolean };
    } | null)[];
  };
}

/**
 * Encodes messages into a shared buffer, those whose headers are texts. The client makes six objects and a system call a message,
 * and more for a table of headers, which costs as much as the rest of a publish.
 */
export class PublishFrameEncoder {
  readonly #inside: Inside;
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  /** Where the batch begins: what is before it is in flight. */
  #start = 0;
  /** Where it ends. */
  #length = 0;
  #isScheduled = false;

  private constructor(private readonly channel: ConfirmChannel) {
    this.#inside = channel as unknown as Inside;
  }

  /** Undefined for a client with other internals. */
  static of(channel: ConfirmChannel): PublishFrameEncoder | undefined {
    const { ch, pushConfirmCallback, connection } = channel as unknown as Partial<Inside>;
    const isKnown =
      typeof ch === 'number' &&
      typeof pushConfirmCallback === 'function' &&
      typeof connection?.frameMax === 'number' &&
      typeof connection.channels[ch]?.buffer.write === 'function';
    return isKnown ? new PublishFrameEncoder(channel) : undefined;
  }

  /** False when the client has to encode the message itself; the messages added before are written first then. */
  add(outbound: OutboundMessage, confirmed: (error: unknown) => void): boolean {
    const { exchange, routingKey, content, properties } = outbound;
    if (!this.#isPlain(properties, content)) {
      this.flush();
      return false;
    }
    const texts = exchange.length + routingKey.length + 3 * (textLength(properties) + 1);
    const bytes = OVERHEAD_BYTES + texts + mostTableBytes(properties.headers) + content.length;
    if (this.#length + bytes > this.#buffer.length) {
      this.flush();
      if (bytes > BUFFER_BYTES) return false;
      this.#buffer = Buffer.allocUnsafe(BUFFER_BYTES);
      this.#start = this.#length = 0;
    }
    this.#method(exchange, routingKey);
    this.#header(content.length, properties);
    this.#body(content);
    this.#inside.pushConfirmCallback(confirmed);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(this.#turn);
    }
    return true;
  }

  /** Writes the buffered messages, in the order of the channel. */
  flush(): void {
    if (this.#length === this.#start) return;
    const frames = this.#buffer.subarray(this.#start, this.#length);
    this.#start = this.#length;
    const { ch, connection } = this.#inside;
    const open = connection.channels[ch];
    if (open?.channel !== this.channel) return; // the channel has ended, and its callbacks get the error
    connection.sentSinceLastCheck = true;
    open.buffer.write(frames);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  #isPlain({ headers, messageId }: Options.Publish, content: Buffer): boolean {
    if ((messageId?.length ?? 0) > SHORT_CHARACTERS) return false;
    for (const name in headers as Table)
      if (name.length > SHORT_CHARACTERS || typeof (headers as Table)[name] !== 'string') return false;
    return content.length > 0 && content.length + 8 <= this.#inside.connection.frameMax;
  }

  #method(exchange: string, routingKey: string): void {
    const start = this.#begin(1);
    this.#u16(BASIC);
    this.#u16(PUBLISH);
    this.#u16(0); // reserved
    this.#short(exchange);
    this.#short(routingKey);
    this.#buffer[this.#length++] = MANDATORY;
    this.#end(start);
  }

  #header(size: number, properties: Options.Publish): void {
    const { contentType, deliveryMode, correlationId, messageId, timestamp, type, appId } = properties;
    const headers = properties.headers as Table | undefined;
    const start = this.#begin(2);
    this.#u16(BASIC);
    this.#u16(0); // reserved
    this.#u64(size);
    const flagsAt = this.#length;
    let flags: number = FLAG.deliveryMode;
    this.#length += 2;
    if (contentType !== undefined) flags |= this.#field(FLAG.contentType, contentType);
    if (headers !== undefined) {
      flags |= FLAG.headers;
      this.#table(headers);
    }
    this.#buffer[this.#length++] = typeof deliveryMode === 'number' ? deliveryMode : PERSISTENT;
    if (correlationId !== undefined) flags |= this.#field(FLAG.correlationId, correlationId);
    if (messageId !== undefined) flags |= this.#field(FLAG.messageId, messageId);
    if (timestamp !== undefined) {
      flags |= FLAG.timestamp;
      this.#u64(timestamp);
    }
    if (type !== undefined) flags |= this.#field(FLAG.type, type);
    if (appId !== undefined) flags |= this.#field(FLAG.appId, appId);
    this.#buffer.writeUInt16BE(flags, flagsAt);
    this.#end(start);
  }

  #body(content: Buffer): void {
    const start = this.#begin(3);
    this.#length += content.copy(this.#buffer, this.#length);
    this.#end(start);
  }

  /** @returns where the frame's payload begins. */
  #begin(kind: number): number {
    this.#buffer[this.#length++] = kind;
    this.#u16(this.#inside.ch);
    this.#length += 4; // the size is filled in at the end
    return this.#length;
  }

  #end(start: number): void {
    this.#buffer.writeUInt32BE(this.#length - start, start - 4);
    this.#buffer[this.#length++] = FRAME_END;
  }

  #field(flag: number, text: string): number {
    this.#short(text);
    return flag;
  }

  #short(text: string): void {
    const bytes = this.#buffer.write(text, this.#length + 1);
    this.#buffer[this.#length] = bytes;
    this.#length += 1 + bytes;
  }

  #table(headers: Table): void {
    const start = (this.#length += 4);
    for (const name in headers) {
      this.#short(name);
      this.#buffer[this.#length] = LONG_STRING;
      const bytes = this.#buffer.write(headers[name] as string, this.#length + 5);
      this.#buffer.writeUInt32BE(bytes, this.#length + 1);
      this.#length += 5 + bytes;
    }
    this.#buffer.writeUInt32BE(this.#length - start, start - 4);
  }

  #u16(value: number): void {
    this.#length = this.#buffer.writeUInt16BE(value, this.#length);
  }

  #u64(value: number): void {
    this.#length = this.#buffer.writeUInt32BE(Math.floor(value / 2 ** 32), this.#length);
    this.#length = this.#buffer.writeUInt32BE(value >>> 0, this.#length);
  }
}

/**
 * The client encodes a table of headers in a buffer of this size. Before version 2.3 it does not notice a larger one, and the
 * broker closes the connection because of the incomplete frame.
 */
const MAX_TABLE_BYTES = 65_536;

/** True when the headers do not fit into one frame, of the broker or of the client, which would close the whole connection. */
export function exceedsFrame(channel: ConfirmChannel, properties: Options.Publish): boolean {
  const { connection } = channel as unknown as Partial<Inside>;
  const max = Math.min(connection?.frameMax ?? Infinity, MAX_TABLE_BYTES) - OVERHEAD_BYTES;
  let characters = textLength(properties);
  const table = properties.headers as Table;
  for (const name in table) characters += name.length + lengthOf(table[name]) + FIELD_BYTES;
  if (3 * characters <= max) return false; // most messages: no text is longer than that in bytes
  let bytes = textLength(properties);
  for (const name in table) bytes += Buffer.byteLength(name) + byteLengthOf(table[name]) + FIELD_BYTES;
  return bytes > max;
}

/** Length of the name, type and length of the value. */
const FIELD_BYTES = 6;
const NUMBER_BYTES = 8;

function lengthOf(value: unknown): number {
  return typeof value === 'string' ? value.length : NUMBER_BYTES;
}

function byteLengthOf(value: unknown): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : NUMBER_BYTES;
}

/** Bytes that a table of texts needs at most. */
function mostTableBytes(headers: unknown): number {
  if (headers === undefined) return 0;
  let bytes = 4;
  for (const name in headers as Table)
    bytes += 3 * (name.length + ((headers as Table)[name] as string).length) + FIELD_BYTES;
  return bytes;
}

const TEXTS = ['contentType', 'correlationId', 'messageId', 'type', 'appId'] as const;

function textLength(properties: Options.Publish): number {
  let length = 0;
  for (const text of TEXTS) length += properties[text]?.length ?? 0;
  return length;
}
