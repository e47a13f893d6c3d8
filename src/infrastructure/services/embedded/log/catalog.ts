import type { Table } from '../database/lmdb-client.js';

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
}

interface StoreRecord {
  readonly version: number;
  readonly opened: number;
  readonly lastId: number;
}

const VERSION = 1;
const STORE_KEY = Buffer.from('s');

/** The topics and groups of a database, with the numbers that stand for them in keys. */
export class Catalog {
  readonly topics = new Map<string, TopicRecord>();
  readonly groups = new Map<string, GroupRecord>();
  /** How often the database was opened, this time included. */
  readonly opened: number;
  readonly #table: Table;
  #lastId = 0;

  constructor(table: Table, directory: string) {
    this.#table = table;
    const stored = table.getBinary(STORE_KEY);
    const store = stored ? (parse(stored) as StoreRecord) : { version: VERSION, opened: 0, lastId: 0 };
    if (store.version !== VERSION)
      throw new Error(
        `${directory} was written by another release (format ${store.version}; this one reads ${VERSION}).`,
      );
    this.opened = store.opened + 1;
    this.#lastId = store.lastId;
    for (const { key, value } of table.getRange({})) this.#load(key, value);
  }

  /** A number for a new topic or group. Never given twice, since entries on disk refer to it. */
  newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Only inside a transaction, like the other `write` methods; {@link remember} once it is done. */
  writeOpened(): void {
    const record: StoreRecord = { version: VERSION, opened: this.opened, lastId: this.#lastId };
    this.#table.put(STORE_KEY, bytesOf(record));
  }

  write(record: TopicRecord | GroupRecord): void {
    this.#table.put(Buffer.from(keyOf(record)), bytesOf(record));
    this.writeOpened();
  }

  remember(record: TopicRecord | GroupRecord): void {
    if ('group' in record) this.groups.set(keyOf(record), record);
    else this.topics.set(record.topic, record);
  }

  writeRemoval(record: GroupRecord): void {
    this.#table.remove(Buffer.from(keyOf(record)));
  }

  forget(record: GroupRecord): void {
    this.groups.delete(keyOf(record));
  }

  #load(key: Buffer, value: Buffer): void {
    const kind = String.fromCharCode(key[0] ?? 0);
    if (kind !== 't' && kind !== 'g') return;
    const record = parse(value) as TopicRecord | GroupRecord;
    this.#lastId = Math.max(this.#lastId, record.id);
    this.remember(record);
  }
}

function keyOf(record: TopicRecord | GroupRecord): string {
  return 'group' in record ? groupKey(record.topic, record.group) : `t${record.topic}`;
}

/** Names hold no slash. */
export function groupKey(topic: string, group: string): string {
  return `g${topic}/${group}`;
}

function bytesOf(record: object): Buffer {
  return Buffer.from(JSON.stringify(record));
}

function parse(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString());
}
