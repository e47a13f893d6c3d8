import { OWN_HEADERS } from '../../../../core/messaging/ports/headers.js';
import { decodeTable, emptyTable, type Table } from './field-table.js';

const BASIC = 60;
/** Class, weight and size of the body, before the flags. */
const FLAGS_AT = 12;

/** Properties of the class `basic`, in the order of their flags (AMQP 0-9-1, section 4.2.6.1). */
const PROPERTIES = [
  ['contentType', 'text'],
  ['contentEncoding', 'text'],
  ['headers', 'table'],
  ['deliveryMode', 'octet'],
  ['priority', 'octet'],
  ['correlationId', 'text'],
  ['replyTo', 'text'],
  ['expiration', 'text'],
  ['messageId', 'text'],
  ['timestamp', 'time'],
  ['type', 'text'],
  ['userId', 'text'],
  ['appId', 'text'],
  ['clusterId', 'text'],
] as const;
const FIRST_FLAG = 0x8000;

/** Headers that say where a message belongs, so that they are read from among any number of others. */
const ROUTING = new Set<string>([
  'x-death',
  'x-delivery-count',
  ...Object.values(OWN_HEADERS).map(({ name }) => name),
]);

/** Key of the headers table under which {@link flawOf} finds what is wrong with it. A symbol, because no program can send one. */
const FLAW = Symbol('switchyard.flaw');

/** A content header, as the client passes it on. */
export interface ContentHeader {
  readonly id: number;
  /** Bytes of the body. */
  readonly size: number;
  readonly fields: Record<string, unknown>;
}

/**
 * Decodes the payload of a content header within the bounds of {@link decodeTable}. Never throws.
 *
 * @returns undefined when it is no header of a message.
 */
export function decodeContentHeader(payload: Buffer): ContentHeader | undefined {
  if (payload.length < FLAGS_AT + 2 || payload.readUInt16BE(0) !== BASIC) return undefined;
  const reader = new PropertyReader(payload, FLAGS_AT + 2);
  const flags = payload.readUInt16BE(FLAGS_AT);
  const fields: Record<string, unknown> = {};
  let flaw: string | undefined;
  try {
    for (const [index, [name, type]] of PROPERTIES.entries())
      fields[name] = flags & (FIRST_FLAG >> index) ? reader.read(type) : undefined;
  } catch {
    flaw = 'a property that ends beyond the header';
  }
  flaw = reader.flaw ?? flaw;
  if (flaw !== undefined)
    fields['headers'] = withFlaw((fields['headers'] as Table | undefined) ?? emptyTable(), flaw);
  return { id: BASIC, size: Number(payload.readBigInt64BE(4)), fields };
}

/** The table, as that of a message whose headers cannot all be read. */
export function withFlaw(table: Table, flaw: string): Table {
  return Object.defineProperty(table, FLAW, { value: flaw, configurable: true });
}

/** What is wrong with the headers of a message; undefined when all of them are there. */
export function flawOf(headers: object | undefined): string | undefined {
  return (headers as { readonly [FLAW]?: string } | undefined)?.[FLAW];
}

class PropertyReader {
  flaw: string | undefined;

  constructor(
    private readonly bytes: Buffer,
    private at: number,
  ) {}

  read(type: (typeof PROPERTIES)[number][1]): unknown {
    if (type === 'octet') return this.bytes.readUInt8(this.#past(1));
    if (type === 'time') return Number(this.bytes.readBigUInt64BE(this.#past(8)));
    if (type === 'table') return this.#table();
    const length = this.bytes.readUInt8(this.#past(1));
    const at = this.#past(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  #table(): Table {
    const length = this.bytes.readUInt32BE(this.#past(4));
    const at = this.#past(length);
    const { fields, flaw } = decodeTable(this.bytes.subarray(at, at + length), ROUTING);
    this.flaw ??= flaw;
    return fields;
  }

  #past(length: number): number {
    const { at } = this;
    if (at + length > this.bytes.length) throw new RangeError('beyond the end');
    this.at = at + length;
    return at;
  }
}
