import { Block } from '../records/block.js';
import type { BlockCache } from './block-cache.js';
import type { Catalog, GroupRecord, TopicRecord } from './catalog.js';
import type { Writes } from '../database/group-commit.js';
import { LAST, logKey, seqOf } from '../records/keys.js';
import type { Table } from '../database/lmdb-client.js';

/** A block with the sequence number of its first message. */
export interface PlacedBlock {
  readonly first: number;
  readonly block: Block;
}

/** A group of the topic, as its log sees it. */
export interface LogReader {
  record: GroupRecord;
  /** Everything before `floor` is settled. */
  readonly state: { readonly floor: number };
  /** Messages were appended. */
  wake(): void;
  /** Everything up to `seq` was removed from the log. */
  skipTo(seq: number): void;
}

/** The table of all blocks. */
export interface LogTable {
  readonly table: Table;
  /** Whether blocks of format 1 are read. */
  readonly mayBePlain: boolean;
  /** @param place the block whose head was not as it was written. */
  readonly onDamaged: (place: string) => void;
}

/** The messages of one topic in the order in which they were accepted, numbered without gaps from 1. */
export class TopicLog {
  readonly id: number;
  readonly topic: string;
  readonly readers = new Set<LogReader>();
  readonly #table: Table;
  readonly #catalog: Catalog;
  readonly #cache: BlockCache;
  readonly #log: LogTable;
  /** Number of the next message, as far as committed. */
  #nextSeq: number;
  /** The same, transaction under way included. */
  #writeSeq: number;
  #firstSeq: number;

  constructor(
    record: TopicRecord,
    { log, catalog, cache }: { log: LogTable; catalog: Catalog; cache: BlockCache },
  ) {
    this.id = record.id;
    this.topic = record.topic;
    this.#log = log;
    this.#table = log.table;
    this.#catalog = catalog;
    this.#cache = cache;
    const last = this.#lastOnDisk();
    this.#nextSeq = Math.max(record.nextSeq, last + 1);
    this.#writeSeq = this.#nextSeq;
    this.#firstSeq = record.firstSeq ?? this.#firstOnDisk();
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Of the earliest message kept; {@link nextSeq} when there is none. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** The groups whose position decides what may go. */
  get subscribers(): LogReader[] {
    return [...this.readers].filter(({ record }) => record.subscribed);
  }

  get record(): TopicRecord {
    return { id: this.id, topic: this.topic, nextSeq: this.#nextSeq, firstSeq: this.#firstSeq };
  }

  /** Writes that append the blocks, and wake the readers once they may have them. */
  appending(blocks: readonly Block[]): Writes {
    let first = 0;
    return {
      write: () => {
        first = this.#writeSeq;
        if (!this.#catalog.topics.has(this.topic)) this.#catalog.write(this.#newRecord());
        for (const block of blocks) {
          block.placeAt(this.id, this.#writeSeq);
          this.#writeSeq += block.count;
          this.#table.put(logKey(this.id, this.#writeSeq - 1), block.bytes);
        }
      },
      settled: (committed) => {
        if (!committed) {
          this.#writeSeq = this.#nextSeq;
          return;
        }
        this.#nextSeq = this.#writeSeq;
        if (!this.#catalog.topics.has(this.topic)) this.#catalog.remember(this.#newRecord());
        for (const block of blocks) {
          this.#cache.add(this.id, first, block);
          first += block.count;
        }
        for (const reader of this.readers) reader.wake();
      },
    };
  }

  /** The block with message `seq`, or the next one when that is gone. */
  blockAt(seq: number): PlacedBlock | undefined {
    const cached = this.#cache.get(this.id, seq);
    if (cached) return { first: seq, block: cached };
    for (const { key, value } of this.#table.getRange({
      start: logKey(this.id, seq),
      end: logKey(this.id, LAST),
      limit: 1,
    })) {
      const last = seqOf(key);
      const { mayBePlain } = this.#log;
      const block = Block.read(value, { place: { topicId: this.id, last }, mayBePlain });
      if (block.isDamaged) this.#log.onDamaged(`the block of messages up to ${last} of "${this.topic}"`);
      return { first: last - block.count + 1, block };
    }
    return undefined;
  }

  /** Last sequence numbers of the blocks that lie before `seq` as a whole, at most `limit`. */
  blocksBefore(seq: number, limit: number): number[] {
    const range = { start: logKey(this.id, 0), end: logKey(this.id, seq), limit };
    return Array.from(this.#table.getKeys(range), seqOf);
  }

  /** Removes blocks from the front. Only inside a transaction; {@link removed} once it is done. */
  writeRemoval(lastSeqs: readonly number[]): void {
    for (const seq of lastSeqs) this.#table.remove(logKey(this.id, seq));
    // Numbers continue from here even when no message is left that shows where they ended, and what is missing behind
    // the first that is left was lost.
    this.#catalog.write({ ...this.record, firstSeq: this.#firstAfter(lastSeqs) });
  }

  removed(lastSeqs: readonly number[]): void {
    this.#firstSeq = this.#firstAfter(lastSeqs);
    this.#catalog.remember(this.record);
  }

  #newRecord(): TopicRecord {
    return { id: this.id, topic: this.topic, nextSeq: 1, firstSeq: 1 };
  }

  #firstAfter(removed: readonly number[]): number {
    return Math.max(this.#firstSeq, (removed.at(-1) ?? 0) + 1);
  }

  #lastOnDisk(): number {
    const range = { start: logKey(this.id, LAST), end: logKey(this.id, 0), reverse: true, limit: 1 };
    for (const key of this.#table.getKeys(range)) return seqOf(key);
    return 0;
  }

  #firstOnDisk(): number {
    return this.blockAt(0)?.first ?? this.#nextSeq;
  }
}
