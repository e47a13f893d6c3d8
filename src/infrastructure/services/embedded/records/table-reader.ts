import { decodeRecord, tableSeed } from './record-codec.js';
import { Block } from './block.js';
import { logKey, seqOf, topicOf } from './keys.js';

/** The table of blocks: their checksums are inside. Every other table has one for each record. */
const LOG = 'log';
/** A key of the log: topic (4) sequence number (6). */
const LOG_KEY_BYTES = 10;

/** What a record turned out to be. */
export interface Judgement {
  /** Messages, or one record. */
  readonly records: number;
  readonly corrupt: number;
}

/** Judges the records of one table. */
export interface TableReader {
  judge(key: Buffer, bytes: Buffer): Judgement;
  /** Its right key, where the key is damaged and the record says or shows what it was. */
  rightKey(key: Buffer, bytes: Buffer): Buffer | undefined;
  /**
   * Whether its key is damaged and nothing else: the application would not find it, or take it for another.
   *
   * @param start of its `length` bytes, as many as are in one page.
   */
  isMisplaced(key: Buffer, start: Buffer, length: number): boolean;
  /** Whether it is a whole record of this table, and under its own key. Not for records without checksums. */
  isOwn(key: Buffer, bytes: Buffer): boolean;
}

export function tableReader(name: string, mayBePlain: boolean): TableReader {
  return name === LOG ? new LogReader(mayBePlain) : new RecordReader(name, mayBePlain);
}

class RecordReader implements TableReader {
  readonly #seed: number;

  constructor(
    name: string,
    private readonly mayBePlain: boolean,
  ) {
    this.#seed = tableSeed(name);
  }

  judge(key: Buffer, bytes: Buffer): Judgement {
    const { isCorrupt } = decodeRecord(this.#seed, { key, bytes, mayBePlain: this.mayBePlain });
    return { records: 1, corrupt: isCorrupt ? 1 : 0 };
  }

  /** The one with one bit turned that makes the checksum fit. */
  rightKey(key: Buffer, bytes: Buffer): Buffer | undefined {
    const right = Buffer.from(key);
    for (let bit = 0; bit < 8 * right.length; bit += 1) {
      const mask = 1 << (bit & 7);
      right[bit >> 3] = (right[bit >> 3] ?? 0) ^ mask;
      if (this.isOwn(right, bytes)) return right;
      right[bit >> 3] = (right[bit >> 3] ?? 0) ^ mask;
    }
    return undefined;
  }

  isMisplaced(key: Buffer, start: Buffer, length: number): boolean {
    return (
      start.length === length && this.judge(key, start).corrupt > 0 && this.rightKey(key, start) !== undefined
    );
  }

  isOwn(key: Buffer, bytes: Buffer): boolean {
    return !decodeRecord(this.#seed, { key, bytes, mayBePlain: false }).isCorrupt;
  }
}

class LogReader implements TableReader {
  constructor(private readonly mayBePlain: boolean) {}

  judge(key: Buffer, bytes: Buffer): Judgement {
    const block = this.#block(key, bytes);
    let corrupt = 0;
    for (let nth = 0; nth < block.count; nth += 1)
      if (block.message(nth).unreadable !== undefined) corrupt += 1;
    return { records: block.count, corrupt: Math.max(corrupt, block.isDamaged ? 1 : 0) };
  }

  rightKey(key: Buffer, bytes: Buffer): Buffer | undefined {
    const place = this.#block(key, bytes).ownPlace;
    const right = place && logKey(place.topicId, place.last);
    return right?.equals(key) === false ? right : undefined;
  }

  /** The head of a block has its place. */
  isMisplaced(key: Buffer, start: Buffer): boolean {
    return this.rightKey(key, start) !== undefined;
  }

  isOwn(key: Buffer, bytes: Buffer): boolean {
    const place = this.#block(key, bytes).ownPlace;
    return place !== undefined && logKey(place.topicId, place.last).equals(key);
  }

  #block(key: Buffer, bytes: Buffer): Block {
    const { mayBePlain } = this;
    if (key.length !== LOG_KEY_BYTES) return Block.read(bytes, { mayBePlain });
    return Block.read(bytes, { place: { topicId: topicOf(key), last: seqOf(key) }, mayBePlain });
  }
}
