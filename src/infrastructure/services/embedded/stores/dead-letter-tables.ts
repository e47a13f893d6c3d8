import { createHash } from 'node:crypto';
import { storedBytesOf } from '../../../../core/messaging/ports/dead-letter-filter.js';
import type {
  DeadLetter,
  DeadLetterStatus,
  DeadLetterSummary,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import type { EmbeddedDatabase } from '../database/embedded-database.js';
import type { RecordTable } from '../database/record-table.js';
import type { StoredRecord } from '../records/record-codec.js';
import { corruptRow } from './corrupt-row.js';
import type { CountKey, Row } from './dead-letter-row.js';

/** Separates the parts of a key. No name holds it. */
const SEPARATOR = '\u0000';
const LAST_BYTE = Buffer.from([0xff]);
/** Longer ones are none of ours, and would not fit a key. */
const MAX_ID_LENGTH = 200;
/** Of a size in the index. Earlier versions have written one byte without a meaning. */
const SIZE_BYTES = 6;

interface Details {
  readonly stack?: string | undefined;
  readonly history: DeadLetterSummary['history'];
}

/**
 * The tables of the dead letter store: a short row a letter, its details, its bytes, an index by status, topic and
 * group, and the letter that is open for a message.
 */
export class DeadLetterTables {
  readonly deadLetters: RecordTable;
  readonly counts: RecordTable;
  readonly #details: RecordTable;
  readonly #bodies: RecordTable;
  readonly #places: RecordTable;
  readonly #noteCorrupt: (place: string) => void;

  constructor(database: EmbeddedDatabase, noteCorrupt: (place: string) => void) {
    this.#noteCorrupt = noteCorrupt;
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
    const found = summary && this.#bodies.read(Buffer.from(id));
    if (!summary || !found) return undefined;
    const message = found.isCorrupt ? undefined : messageIn(found.value);
    if (message) return { ...summary, ...message };
    this.#noteCorrupt(`message of dead letter ${id}`);
    const { reason, error } = corruptRow(id, summary, found.value.length);
    return { ...summary, reason, error, headers: {}, body: found.value };
  }

  /** The size of a letter whose size is not in the index. 0 for one that is not there. */
  measure(id: string): number {
    const letter = this.letter(id);
    if (!letter) return 0;
    const { status: _1, updatedAt: _2, replayCount: _3, revision: _4, bodyBytes: _5, ...added } = letter;
    return storedBytesOf(added);
  }

  row(id: string): Row | undefined {
    if (id === '' || id.length > MAX_ID_LENGTH) return undefined;
    const found = this.deadLetters.read(Buffer.from(id));
    return found && this.#rowIn(id, found);
  }

  /** The rows of these ids that are there. */
  rows(ids: readonly Buffer[]): Row[] {
    return ids.flatMap((id) => this.row(id.toString()) ?? []);
  }

  complete(row: Row): DeadLetterSummary {
    const found = this.#details.read(Buffer.from(row.id));
    const details = found && !found.isCorrupt ? (parse(found.value) as Details | undefined) : undefined;
    if (found && !details) this.#noteCorrupt(`history of dead letter ${row.id}`);
    const { stack, history } = details ?? { history: [] };
    return { ...row, history, error: stack === undefined ? row.error : { ...row.error, stack } };
  }

  /** Id of the letter of this message that is not resolved. */
  openAt(place: Pick<DeadLetter, 'topic' | 'group' | 'messageId'>): string | undefined {
    const found = this.#places.read(placeKey(place));
    if (!found?.isCorrupt) return found?.value.toString();
    this.#noteCorrupt(`place of message ${place.messageId}`);
    return undefined;
  }

  /** Only inside a transaction, like the others that write. `earlier` is what it replaces. */
  putLetter({ headers, body, ...summary }: DeadLetter, size: number, earlier: CountKey | undefined): void {
    const key = Buffer.from(summary.id);
    const { history, error, ...rest } = summary;
    const { stack, ...shortError } = error;
    this.#details.put(key, bytesOf({ stack, history } satisfies Details));
    const headerBytes = bytesOf(headers);
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(headerBytes.length);
    this.#bodies.put(key, Buffer.concat([length, headerBytes, body]));
    this.putRow({ ...rest, error: shortError }, size, earlier);
  }

  putRow(row: Row, size: number, earlier: CountKey | undefined): void {
    this.deadLetters.put(Buffer.from(row.id), bytesOf(row));
    if (earlier) this.counts.remove(countKey(earlier, row.id));
    this.putSize(row, row.id, size);
    if (row.status === 'resolved') this.#closePlace(row);
    else this.#places.put(placeKey(row), Buffer.from(row.id));
  }

  /** What the letter counts for in limits; undefined for one that an earlier version has written. */
  sizeOf(key: CountKey, id: string): number | undefined {
    const found = this.counts.read(countKey(key, id));
    return found && !found.isCorrupt ? sizeIn(found.value) : undefined;
  }

  putSize(key: CountKey, id: string, size: number): void {
    const bytes = Buffer.allocUnsafe(SIZE_BYTES);
    bytes.writeUIntBE(size, 0, SIZE_BYTES);
    this.counts.put(countKey(key, id), bytes);
  }

  remove(row: Row): void {
    const key = Buffer.from(row.id);
    for (const table of [this.deadLetters, this.#details, this.#bodies]) table.remove(key);
    this.counts.remove(countKey(row, row.id));
    this.#closePlace(row);
  }

  /** Only inside a transaction: the index as the rows say, without `corrupt`, keys of it that cannot be read. */
  writeIndex(corrupt: readonly Buffer[]): void {
    for (const key of corrupt) this.counts.remove(key);
    for (const key of this.deadLetters.getKeys({})) {
      const found = this.deadLetters.read(key);
      const row = found && !found.isCorrupt ? (parse(found.value) as Row | undefined) : undefined;
      if (row) this.counts.put(countKey(row, row.id), Buffer.alloc(1));
    }
  }

  #rowIn(id: string, { value, isCorrupt }: StoredRecord): Row {
    const row = isCorrupt ? undefined : (parse(value) as Row | undefined);
    if (row) return row;
    this.#noteCorrupt(`dead letter ${id}`);
    return corruptRow(id, this.#indexed(id), this.#bodies.read(Buffer.from(id))?.value.length ?? 0);
  }

  /** What the index says of a letter. Looks at all of it, which only a corrupt row costs. */
  #indexed(id: string): CountKey | undefined {
    for (const key of this.counts.getKeys({})) {
      const parsed = parseCountKey(key);
      if (parsed.id === id) return parsed;
    }
    return undefined;
  }

  #closePlace(row: Row): void {
    if (this.openAt(row) === row.id) this.#places.remove(placeKey(row));
  }
}

function messageIn(bytes: Buffer): Pick<DeadLetter, 'headers' | 'body'> | undefined {
  if (bytes.length < 4) return undefined;
  const bodyAt = 4 + bytes.readUInt32LE(0);
  const headers = parse(bytes.subarray(4, bodyAt)) as DeadLetter['headers'] | undefined;
  return headers && { headers, body: bytes.subarray(bodyAt) };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

export function sizeIn(bytes: Buffer | undefined): number | undefined {
  return bytes?.length === SIZE_BYTES ? bytes.readUIntBE(0, SIZE_BYTES) : undefined;
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
