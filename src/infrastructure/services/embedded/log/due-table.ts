import { Block, type StoredMessage } from '../records/block.js';
import { dueKey, dueMsOf, LAST } from '../records/keys.js';
import type { RecordTable } from '../database/record-table.js';

/** attempt (4) sequence number in the log that it came from, or 0 (8), block of one message */
const HEAD_BYTES = 12;
const TWO_32 = 2 ** 32;

/** A message that waits for its time, as it is read. */
export interface DueEntry extends StoredMessage {
  readonly attempt: number;
  readonly origin: number;
  /** NaN where it cannot be read. */
  readonly appendedAt: number;
}

/**
 * Messages with a time: delayed ones of a topic, and what belongs to one group alone (retries, directed messages).
 *
 * The owner is a topic or a group. Entries are in order of time; they stay until they are settled.
 */
export class DueTable {
  readonly #table: RecordTable;
  #serial: number;

  /** @param opened how often the database was opened: makes serial numbers differ from those of all other times. */
  constructor(table: RecordTable, opened: number) {
    this.#table = table;
    this.#serial = opened * TWO_32;
  }

  newKey(ownerId: number, dueMs: number): Buffer {
    this.#serial += 1;
    return dueKey(ownerId, dueMs, this.#serial);
  }

  /** Only inside a transaction, like `remove`. */
  put(key: Buffer, value: Buffer): void {
    this.#table.put(key, value);
  }

  remove(key: Buffer): void {
    this.#table.remove(key);
  }

  read(key: Buffer): DueEntry | undefined {
    const found = this.#table.read(key);
    if (!found) return undefined;
    const { value, isCorrupt } = found;
    if (isCorrupt || value.length < HEAD_BYTES) {
      const message = { id: '', headers: {}, body: value };
      return { attempt: 1, origin: 0, appendedAt: NaN, message, unreadable: 'its checksum does not fit' };
    }
    // The checksum of the record covers what it was when it was written: in format 1, a block without any.
    const block = Block.read(value.subarray(HEAD_BYTES), { mayBePlain: true });
    return {
      attempt: value.readUInt32LE(0),
      origin: value.readDoubleLE(4),
      appendedAt: block.appendedAt,
      ...block.message(0),
    };
  }

  /** Keys of an owner's entries due by `untilMs`, in order, after `after`. */
  keys(
    ownerId: number,
    untilMs: number,
    { after, limit }: { after?: Buffer | undefined; limit: number },
  ): Buffer[] {
    const start = after ? Buffer.concat([after, Buffer.alloc(1)]) : dueKey(ownerId, 0, 0);
    return [...this.#table.getKeys({ start, end: dueKey(ownerId, untilMs + 1, 0), limit })];
  }

  /** When the owner's first entry after `afterMs` is due. */
  nextDueMs(ownerId: number, afterMs: number): number | undefined {
    const range = { start: dueKey(ownerId, afterMs + 1, 0), end: dueKey(ownerId, LAST, 0), limit: 1 };
    for (const key of this.#table.getKeys(range)) return dueMsOf(key);
    return undefined;
  }

  /** Entries due from `fromMs` (inclusive) to `toMs` (exclusive). */
  count(ownerId: number, fromMs: number, toMs: number): number {
    return this.#table.getKeysCount({ start: dueKey(ownerId, fromMs, 0), end: dueKey(ownerId, toMs, 0) });
  }

  /** Owners that have entries. */
  owners(): number[] {
    const owners: number[] = [];
    for (let next = 0; ;) {
      const [key] = this.#table.getKeys({ start: dueKey(next, 0, 0), limit: 1 });
      if (!key) return owners;
      owners.push(key.readUInt32BE(0));
      next = key.readUInt32BE(0) + 1;
    }
  }
}

/** The bytes of an entry. */
export function dueValue(block: Block, attempt: number, origin = 0): Buffer {
  block.placeAt(0, 0);
  const value = Buffer.allocUnsafe(HEAD_BYTES + block.bytes.length);
  value.writeUInt32LE(attempt, 0);
  value.writeDoubleLE(origin, 4);
  value.set(block.bytes, HEAD_BYTES);
  return value;
}
