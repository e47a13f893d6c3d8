/** The broker nests three deep (`x-death`); a program that means well, hardly deeper. */
const MAX_DEPTH = 16;
/** Fields of a table, with those of the tables and lists inside it. */
const MAX_FIELDS = 4_096;

export type Table = Record<string, unknown>;

/** A field table of AMQP, as far as it can be read. */
export interface DecodedTable {
  readonly fields: Table;
  /** What is wrong with it: nested too deep, too many fields, or a type that is not known. */
  readonly flaw: string | undefined;
}

/** Bytes of a value, without its type and without what its own length counts. */
const FIXED_BYTES: Readonly<Record<string, number>> = {
  ...{ t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, D: 5, l: 8, L: 8, d: 8, T: 8, V: 0 },
};
const WITH_LENGTH = new Set(['S', 'x', 'F', 'A']);

/** Readers of the values of fixed size. They give what the client gives, so that both can be used for one message. */
const READ: Readonly<Record<string, (bytes: Buffer, at: number) => unknown>> = {
  t: (bytes, at) => bytes[at] !== 0,
  b: (bytes, at) => bytes.readInt8(at),
  B: (bytes, at) => bytes.readUInt8(at),
  s: (bytes, at) => bytes.readInt16BE(at),
  u: (bytes, at) => bytes.readUInt16BE(at),
  I: (bytes, at) => bytes.readInt32BE(at),
  i: (bytes, at) => bytes.readUInt32BE(at),
  f: (bytes, at) => bytes.readFloatBE(at),
  d: (bytes, at) => bytes.readDoubleBE(at),
  l: (bytes, at) => Number(bytes.readBigInt64BE(at)),
  L: (bytes, at) => Number(bytes.readBigUInt64BE(at)),
  D: (bytes, at) => ({
    '!': 'decimal',
    value: { places: bytes.readUInt8(at), digits: bytes.readUInt32BE(at + 1) },
  }),
  T: (bytes, at) => ({ '!': 'timestamp', value: Number(bytes.readBigUInt64BE(at)) }),
  V: () => null,
};

/**
 * Decodes a field table within bounds of depth and size. Never throws.
 *
 * @param bytes of the table, without its length.
 * @param kept names that are read even when there are too many others, because they say where the message belongs.
 */
export function decodeTable(bytes: Buffer, kept: ReadonlySet<string>): DecodedTable {
  const reader = new TableReader(bytes, kept);
  const fields = emptyTable();
  try {
    reader.readTable(fields, bytes.length, 1);
  } catch (error) {
    reader.flaw ??= (error as Error).message;
  }
  return { fields, flaw: reader.flaw };
}

/** Without a prototype, so that a field named `__proto__` sets none, and no field is found that was not sent. */
export function emptyTable(): Table {
  return Object.create(null) as Table;
}

/** Marks a value that is not expanded. */
const LEFT_OUT = Symbol('left out');

class TableReader {
  flaw: string | undefined;
  #at = 0;
  #left = MAX_FIELDS;

  constructor(
    private readonly bytes: Buffer,
    private readonly kept: ReadonlySet<string>,
  ) {}

  readTable(into: Table, end: number, depth: number): void {
    while (this.#at < end) {
      const name = this.#text(this.#take(1, (at) => this.bytes.readUInt8(at)));
      const value = depth === 1 && this.kept.has(name) ? this.#keptValue() : this.#value(depth);
      if (value !== LEFT_OUT) into[name] = value;
    }
  }

  #list(end: number, depth: number): unknown[] {
    const values: unknown[] = [];
    while (this.#at < end) {
      const value = this.#value(depth);
      if (value !== LEFT_OUT) values.push(value);
    }
    return values;
  }

  /** Not counted against the others. */
  #keptValue(): unknown {
    const left = this.#left;
    this.#left = MAX_FIELDS;
    const value = this.#value(1);
    this.#left = left;
    return value;
  }

  #value(depth: number): unknown {
    const type = String.fromCharCode(this.#take(1, (at) => this.bytes.readUInt8(at)));
    const read = READ[type];
    const length = WITH_LENGTH.has(type)
      ? this.#take(4, (at) => this.bytes.readUInt32BE(at))
      : FIXED_BYTES[type];
    if (length === undefined) throw new Error(`a field of the unknown type "${type}"`);
    const isNested = type === 'F' || type === 'A';
    this.#left -= 1;
    if (this.#left < 0) return this.#leaveOut(length, `more than ${MAX_FIELDS} fields`);
    if (isNested && depth >= MAX_DEPTH) return this.#leaveOut(length, `nested more than ${MAX_DEPTH} deep`);
    if (read) return this.#take(length, (at) => read(this.bytes, at));
    if (type === 'S') return this.#text(length);
    if (type === 'x') return this.#take(length, (at) => this.bytes.subarray(at, at + length));
    return this.#nested(type, length, depth + 1);
  }

  #nested(type: string, length: number, depth: number): unknown {
    const end = this.#at + length;
    if (end > this.bytes.length) throw new Error('a field that ends beyond the table');
    if (type === 'A') return this.#list(end, depth);
    const fields = emptyTable();
    this.readTable(fields, end, depth);
    return fields;
  }

  #leaveOut(length: number, flaw: string): typeof LEFT_OUT {
    this.flaw ??= flaw;
    this.#take(length, () => undefined);
    return LEFT_OUT;
  }

  #text(length: number): string {
    return this.#take(length, (at) => this.bytes.toString('utf8', at, at + length));
  }

  #take<T>(length: number, read: (at: number) => T): T {
    const at = this.#at;
    if (at + length > this.bytes.length) throw new Error('a field that ends beyond the table');
    this.#at = at + length;
    return read(at);
  }
}
