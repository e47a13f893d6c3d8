import { createHash } from 'node:crypto';
import type {
  DeadLetter,
  DeadLetterStatus,
  DeadLetterSummary,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import type { EmbeddedDatabase } from '../database/embedded-database.js';
import type { Table } from '../database/lmdb-client.js';

export const DEAD_LETTER_TABLES = ['letters', 'details', 'bodies', 'stock', 'places'];
/** Separates the parts of a key. No name holds it. */
const SEPARATOR = '\u0000';
const LAST_BYTE = Buffer.from([0xff]);
/** Longer ones are none of ours, and would not fit a key. */
const MAX_ID_LENGTH = 200;

/** What lists and filters look at. The rest is read only for letters that are shown. */
type Row = Omit<DeadLetterSummary, 'history'>;

interface Details {
  readonly stack?: string | undefined;
  readonly history: DeadLetterSummary['history'];
}

export interface CountKey {
  readonly topic: string;
  readonly group: string;
  readonly status: DeadLetterStatus;
}

/**
 * The tables of the dead letter store: a short row a letter, its details, its bytes, an index by status, topic and
 * group, and the letter that is open for a message.
 */
export class DeadLetterTables {
  readonly deadLetters: Table;
  readonly counts: Table;
  readonly #details: Table;
  readonly #bodies: Table;
  readonly #places: Table;

  constructor(database: EmbeddedDatabase) {
    this.deadLetters = database.table('letters');
    this.counts = database.table('stock');
    this.#details = database.table('details');
    this.#bodies = database.table('bodies');
    this.#places = database.table('places');
  }

  summary(id: string): DeadLetterSummary | undefined {
    const row = this.row(id);
    return row && this.complete(row);
  }

  letter(id: string): DeadLetter | undefined {
    const summary = this.summary(id);
    const bytes = summary && this.#bodies.getBinary(Buffer.from(id));
    if (!summary || !bytes) return undefined;
    const bodyAt = 4 + bytes.readUInt32LE(0);
    const headers = JSON.parse(bytes.toString('utf8', 4, bodyAt)) as DeadLetter['headers'];
    return { ...summary, headers, body: bytes.subarray(bodyAt) };
  }

  row(id: string): Row | undefined {
    if (id === '' || id.length > MAX_ID_LENGTH) return undefined;
    const bytes = this.deadLetters.getBinary(Buffer.from(id));
    return bytes && rowOf(bytes);
  }

  complete(row: Row): DeadLetterSummary {
    const bytes = this.#details.getBinary(Buffer.from(row.id));
    const { stack, history } = (bytes ? JSON.parse(bytes.toString()) : { history: [] }) as Details;
    return { ...row, history, error: stack === undefined ? row.error : { ...row.error, stack } };
  }

  /** Id of the letter of this message that is not resolved. */
  openAt(place: Pick<DeadLetter, 'topic' | 'group' | 'messageId'>): string | undefined {
    return this.#places.getBinary(placeKey(place))?.toString();
  }

  /** Only inside a transaction, like the others that write. `earlier` is what it replaces. */
  putLetter({ headers, body, ...summary }: DeadLetter, earlier: CountKey | undefined): void {
    const key = Buffer.from(summary.id);
    const { history, error, ...rest } = summary;
    const { stack, ...shortError } = error;
    this.#details.put(key, bytesOf({ stack, history } satisfies Details));
    const headerBytes = bytesOf(headers);
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(headerBytes.length);
    this.#bodies.put(key, Buffer.concat([length, headerBytes, body]));
    this.putRow({ ...rest, error: shortError }, earlier);
  }

  putRow(row: Row, earlier: CountKey | undefined): void {
    this.deadLetters.put(Buffer.from(row.id), bytesOf(row));
    if (earlier) this.counts.remove(countKey(earlier, row.id));
    this.counts.put(countKey(row, row.id), Buffer.alloc(1));
    if (row.status === 'resolved') this.#closePlace(row);
    else this.#places.put(placeKey(row), Buffer.from(row.id));
  }

  remove(row: Row): void {
    const key = Buffer.from(row.id);
    for (const table of [this.deadLetters, this.#details, this.#bodies]) table.remove(key);
    this.counts.remove(countKey(row, row.id));
    this.#closePlace(row);
  }

  #closePlace(row: Row): void {
    if (this.openAt(row) === row.id) this.#places.remove(placeKey(row));
  }
}

export function rowOf(bytes: Buffer): Row {
  return JSON.parse(bytes.toString()) as Row;
}

/** What all keys of this stock begin with. */
export function countPrefix({ status, topic, group }: CountKey): Buffer {
  return Buffer.from(`${status}${SEPARATOR}${topic}${SEPARATOR}${group}${SEPARATOR}`);
}

export function parseCountKey(key: Buffer): CountKey & { readonly id: string } {
  const [status, topic, group, id] = key.toString().split(SEPARATOR) as [
    DeadLetterStatus,
    string,
    string,
    string,
  ];
  return { status, topic, group, id };
}

/** Behind every key that begins with `prefix`. */
export function behind(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, LAST_BYTE]);
}

function countKey(place: CountKey, id: string): Buffer {
  return Buffer.concat([countPrefix(place), Buffer.from(id)]);
}

function placeKey({ topic, group, messageId }: Pick<DeadLetter, 'topic' | 'group' | 'messageId'>): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([topic, group, messageId]))
    .digest();
}

function bytesOf(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
