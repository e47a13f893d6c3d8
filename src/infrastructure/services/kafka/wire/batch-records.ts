import type { ByteReader } from './byte-reader.js';
import { type BatchHead, type Fetched, unreadableBatch } from './fetched.js';
import { HeaderReader } from './header-reader.js';
import { keptOf } from './unreadable.js';

/** Length, attributes, time, offset, key, value and number of headers take a byte each. */
const MIN_RECORD_BYTES = 7;
/** Other work gets its turn after this many records, or bytes of records. */
const SLICE_RECORDS = 4_096;
export const SLICE_BYTES = 256 * 1024;

/** The records of a batch, which are read slice by slice. */
export class BatchRecords {
  /** Of the record before: most records of a batch have the same time. */
  #delta = 0;
  #timestamp: string;
  readonly #headers: HeaderReader;
  #index = 0;
  #lastOffset: number;

  constructor(
    private readonly reader: ByteReader,
    private readonly head: BatchHead,
    private readonly from: number,
  ) {
    this.#timestamp = head.context.firstTimestamp;
    this.#headers = new HeaderReader(reader);
    this.#lastOffset = head.firstOffset - 1;
  }

  /**
   * Adds the next slice.
   *
   * @param room records that may still be added.
   * @returns `cut` when there is no room for the next one.
   */
  addTo(records: Fetched[], room: number): 'more' | 'cut' | 'whole' {
    const { reader, head } = this;
    const maxLength = records.length + room;
    const endOfSlice = Math.min(head.count, this.#index + SLICE_RECORDS);
    const endOfBytes = reader.at + SLICE_BYTES;
    for (; this.#index < endOfSlice && reader.at < endOfBytes; this.#index += 1) {
      const start = reader.at;
      const length = reader.varint();
      if (!(length >= MIN_RECORD_BYTES - 1 && length <= reader.left))
        return this.#refuseRest(
          records,
          start,
          `record ${this.#index} says that it has ${length} bytes, of which ${reader.left} are there`,
        );
      const end = reader.at + length;
      const attributes = reader.int8();
      const timestamp = this.#time();
      const offset = head.firstOffset + reader.varint();
      if (!this.#follows(offset))
        return this.#refuseRest(records, start, `record ${this.#index} has an offset that does not follow`);
      if (offset >= this.from) {
        if (records.length >= maxLength) {
          reader.at = start;
          return 'cut';
        }
        records.push(this.#record({ start, end, attributes, timestamp, offset }));
      }
      this.#lastOffset = offset;
      reader.at = end;
    }
    return this.#index < head.count ? 'more' : 'whole';
  }

  #follows(offset: number): boolean {
    return offset > this.#lastOffset && offset <= this.head.lastOffset;
  }

  #record({ start, end, attributes, timestamp, offset }: RecordStart): Fetched {
    const { reader } = this;
    const { context } = this.head;
    const key = reader.varintBytes();
    const value = reader.varintBytes();
    const hasBody = reader.at < end;
    const headers = hasBody ? this.#headers.read(end) : 'its key and its value are longer than it is';
    const record = {
      magicByte: context.magicByte,
      attributes,
      timestamp,
      offset: String(offset),
      key,
      value,
      headers: typeof headers === 'string' ? {} : headers,
      isControlRecord: context.isControlBatch,
      batchContext: context,
    };
    if (typeof headers !== 'string') return record;
    const unreadable = {
      firstOffset: offset,
      lastOffset: offset,
      why: headers,
      claimedRecords: undefined,
      bytes: end - start,
    };
    const body = hasBody ? {} : { key: null, value: keptOf(reader.bytes.subarray(start, end)) };
    return { ...record, ...body, isControlRecord: false, unreadable };
  }

  #refuseRest(records: Fetched[], start: number, why: string): 'whole' {
    const bytes = this.reader.bytes.subarray(start);
    const firstOffset = this.#lastOffset + 1;
    records.push(unreadableBatch(this.head, { why, bytes, from: this.from, firstOffset }));
    return 'whole';
  }

  #time(): string {
    const delta = this.reader.varint();
    const { context, firstTimestamp } = this.head;
    if (context.timestampType === 1) return context.maxTimestamp;
    if (delta === this.#delta) return this.#timestamp;
    this.#delta = delta;
    return (this.#timestamp = String(firstTimestamp + delta));
  }
}

interface RecordStart {
  readonly start: number;
  readonly end: number;
  readonly attributes: number;
  readonly timestamp: string;
  readonly offset: number;
}
