import type { RecordTable } from '../database/record-table.js';
import { EMBEDDED_FORMAT } from '../database/embedded-format.js';

/** A group as it is kept. `floor`: everything before it was settled when this was written. */
export interface GroupRecord {
  readonly id: number;
  readonly topic: string;
  readonly group: string;
  /** False for a group that only ever was the target of a directed message: it does not keep messages. */
  readonly subscribed: boolean;
  readonly floor: number;
}

export interface TopicRecord {
  readonly id: number;
  readonly topic: string;
  /** No message before this one will be written, also when all of them are removed. */
  readonly nextSeq: number;
  /** All before it are removed; absent in a record of format 1. */
  readonly firstSeq?: number | undefined;
}

interface StoreRecord {
  readonly version: number;
  readonly opened: number;
  readonly lastId: number;
}

const STORE_KEY = 's';
/** Begins the key of the second copy of a record: without topics and groups no message has a place. */
const COPY = 'c';

/** The topics and groups of a database, with the numbers that stand for them in keys. Every record is kept twice. */
export class Catalog {
  readonly topics = new Map<string, TopicRecord>();
  readonly groups = new Map<string, GroupRecord>();
  /** How often the database was opened, this time included. */
  readonly opened: number;
  readonly #table: RecordTable;
  /** Keys of records that could not be read. */
  readonly #corrupt: Buffer[] = [];
  #lastId = 0;

  /** @param onCorrupt called with each record that cannot be read, and whether its copy could be. */
  constructor(table: RecordTable, onCorrupt: (place: string, isKept: boolean) => void) {
    this.#table = table;
    const found = this.#read(onCorrupt);
    const store = found.get(STORE_KEY) as StoreRecord | undefined;
    // Numbers of due entries and of topics continue above all that were given, also when the record is lost.
    this.opened = store ? store.opened + 1 : found.size > 0 || this.#corrupt.length > 0 ? SECOND_LIFE : 1;
    this.#lastId = store?.lastId ?? 0;
    for (const [key, record] of found) {
      if (key === STORE_KEY) continue;
      const known = record as TopicRecord | GroupRecord;
      this.#lastId = Math.max(this.#lastId, known.id);
      this.remember(known);
    }
  }

  /** A number for a new topic or group. Never given twice, since entries on disk refer to it. */
  newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Only inside a transaction, like the other `write` methods; {@link remember} once it is done. */
  writeOpened(): void {
    this.#put(STORE_KEY, { version: EMBEDDED_FORMAT, opened: this.opened, lastId: this.#lastId });
  }

  /** Writes both copies of everything, and removes what cannot be read. */
  writeAll(): void {
    for (const key of this.#corrupt.splice(0)) this.#table.remove(key);
    for (const record of [...this.topics.values(), ...this.groups.values()]) this.#put(keyOf(record), record);
    this.writeOpened();
  }

  write(record: TopicRecord | GroupRecord): void {
    this.#put(keyOf(record), record);
    this.writeOpened();
  }

  remember(record: TopicRecord | GroupRecord): void {
    if ('group' in record) this.groups.set(keyOf(record), record);
    else this.topics.set(record.topic, record);
  }

  writeRemoval(record: GroupRecord): void {
    for (const key of keysOf(keyOf(record))) this.#table.remove(key);
  }

  forget(record: GroupRecord): void {
    this.groups.delete(keyOf(record));
  }

  /** Whole records by their key, from whichever copy can be read. */
  #read(onCorrupt: (place: string, isKept: boolean) => void): Map<string, object> {
    const found = new Map<string, object>();
    for (const { key, value, isCorrupt } of this.#table.getRange({})) {
      const text = key.toString();
      const name = text.startsWith(COPY) ? text.slice(COPY.length) : text;
      const record = isCorrupt || !isKind(name) ? undefined : parse(value);
      if (record) found.set(name, record);
      else if (isCorrupt || isKind(name)) this.#corrupt.push(Buffer.from(key));
    }
    for (const key of this.#corrupt) {
      const text = key.toString();
      const name = text.startsWith(COPY) ? text.slice(COPY.length) : text;
      onCorrupt(`record ${JSON.stringify(text)} of topics and groups`, found.has(name));
    }
    return found;
  }

  #put(key: string, record: object): void {
    const bytes = Buffer.from(JSON.stringify(record));
    for (const one of keysOf(key)) this.#table.put(one, bytes);
  }
}

/** More often than any directory is opened, so that serial numbers of due entries do not repeat. */
const SECOND_LIFE = 2 ** 20;

/** Other records are in the table too, such as that of the ping. */
function isKind(key: string): boolean {
  return key === STORE_KEY || key.startsWith('t') || key.startsWith('g');
}

function keysOf(key: string): readonly Buffer[] {
  return [Buffer.from(key), Buffer.from(`${COPY}${key}`)];
}

function keyOf(record: TopicRecord | GroupRecord): string {
  return 'group' in record ? groupKey(record.topic, record.group) : `t${record.topic}`;
}

/** Names hold no slash. */
export function groupKey(topic: string, group: string): string {
  return `g${topic}/${group}`;
}

function parse(bytes: Buffer): object | undefined {
  try {
    return JSON.parse(bytes.toString()) as object;
  } catch {
    return undefined;
  }
}
