import { ByteReader } from './byte-reader.js';

/** A record in the shape that the client gives it. */
export interface Fetched {
  readonly magicByte: number;
  readonly attributes: number;
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Headers;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
}

type Value = Buffer | null;
type Headers = Record<string, Value | Value[]>;

interface BatchContext {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly partitionLeaderEpoch: number;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
  readonly lastOffsetDelta: number;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly maxTimestamp: string;
  readonly timestampType: number;
  readonly magicByte: number;
}

/** Undoes the compression that the attributes of a batch name; undefined when there is none. */
export type Expand = (attributes: number) => ((compressed: Buffer) => Promise<Buffer>) | undefined;

/** Of the attributes of a batch. */
const APPENDED_AT = 0x8;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** Length, attributes, time, offset, key, value and number of headers take a byte each. */
const MIN_RECORD_BYTES = 7;

/**
 * Adds the records of a batch to the others. The format is that of https://kafka.apache.org/documentation/#recordbatch
 *
 * @throws RangeError when lengths in it do not fit together.
 */
export async function decodeBatch(reader: ByteReader, expand: Expand, records: Fetched[]): Promise<void> {
  const firstOffset = reader.int64();
  reader.at += 4; // length
  const partitionLeaderEpoch = reader.int32();
  const magicByte = reader.int8();
  reader.at += 4; // checksum
  const attributes = reader.int16();
  const lastOffsetDelta = reader.int32();
  const firstTimestamp = reader.int64();
  const context: BatchContext = {
    firstOffset: String(firstOffset),
    firstTimestamp: String(firstTimestamp),
    partitionLeaderEpoch,
    inTransaction: (attributes & TRANSACTIONAL) > 0,
    isControlBatch: (attributes & CONTROL) > 0,
    lastOffsetDelta,
    maxTimestamp: reader.int64Text(),
    producerId: reader.int64Text(),
    producerEpoch: reader.int16(),
    firstSequence: reader.int32(),
    timestampType: (attributes & APPENDED_AT) > 0 ? 1 : 0,
    magicByte,
  };
  const count = reader.int32();
  if (count <= 0) return;
  const expanded = await expand(attributes)?.(reader.slice(reader.left));
  const batch = new BatchRecords(expanded ? new ByteReader(expanded) : reader, context);
  batch.addTo(records, { count, firstOffset, firstTimestamp });
}

interface BatchStart {
  readonly count: number;
  readonly firstOffset: number;
  readonly firstTimestamp: number;
}

class BatchRecords {
  /** Of the record before: most records of a batch have the same time. */
  #delta = 0;
  #timestamp: string;
  readonly #headers: HeaderReader;

  constructor(
    private readonly reader: ByteReader,
    private readonly context: BatchContext,
  ) {
    this.#timestamp = context.firstTimestamp;
    this.#headers = new HeaderReader(reader);
  }

  addTo(records: Fetched[], { count, firstOffset, firstTimestamp }: BatchStart): void {
    const { reader, context } = this;
    const isAppended = context.timestampType === 1;
    for (let index = 0; index < count; index += 1) {
      const length = reader.varint();
      if (!(length >= MIN_RECORD_BYTES - 1 && length <= reader.left))
        throw new RangeError(
          `Record ${index} of the batch at offset ${context.firstOffset} says that it has ${length} bytes, of which ${reader.left} are there.`,
        );
      const end = reader.at + length;
      const attributes = reader.int8();
      const timestamp = isAppended ? this.#skipTime() : this.#time(firstTimestamp);
      const offset = String(firstOffset + reader.varint());
      const key = reader.varintBytes();
      const value = reader.varintBytes();
      records.push({
        magicByte: context.magicByte,
        attributes,
        timestamp,
        offset,
        key,
        value,
        headers: this.#headers.read(),
        isControlRecord: context.isControlBatch,
        batchContext: context,
      });
      reader.at = end;
    }
  }

  #skipTime(): string {
    this.reader.varint();
    return this.context.maxTimestamp;
  }

  #time(first: number): string {
    const delta = this.reader.varint();
    if (delta === this.#delta) return this.#timestamp;
    this.#delta = delta;
    return (this.#timestamp = String(first + delta));
  }
}

interface Name {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

class HeaderReader {
  /** Of the record before, in their order: those of the next one are the same, as a rule. */
  readonly #names: Name[] = [];

  constructor(private readonly reader: ByteReader) {}

  /** One that is there more than once has all its values. */
  read(): Headers {
    const { reader } = this;
    const headers: Headers = {};
    const count = reader.varint();
    if (count > reader.left) throw new RangeError(`A record says that it has ${count} headers.`);
    for (let nth = 0; nth < count; nth += 1) {
      const name = this.#name(nth);
      const value = reader.varintBytes();
      if (name === '__proto__') continue; // it would not be a header but what all headers inherit
      const before = headers[name];
      if (before === undefined) headers[name] = value;
      else headers[name] = Array.isArray(before) ? [...before, value] : [before, value];
    }
    return headers;
  }

  #name(nth: number): string {
    const { reader } = this;
    const length = reader.varint();
    const known = this.#names[nth];
    if (known?.length === length && reader.isAt(known.at, length)) {
      reader.at += length;
      return known.text;
    }
    const { at } = reader;
    const text = reader.text(length);
    this.#names[nth] = { at, length, text };
    return text;
  }
}
