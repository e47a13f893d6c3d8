import { systemClock } from '../../../core/messaging/ports/clock.js';
import {
  hasRoom,
  lowerOf,
  storedBytesOf,
  storeFullError,
} from '../../../core/messaging/ports/dead-letter-filter.js';
import type {
  DeadLetter,
  DeadLetterCeiling,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterPage,
  DeadLetterStatus,
  DeadLetterCount,
  DeadLetterStore,
  DeadLetterSummary,
  DeadLetterUsage,
  NewDeadLetter,
} from '../../../core/messaging/ports/dead-letter-store.js';
import { errorCodeOf, MessagingError } from '../../../core/messaging/ports/errors.js';
import type {
  Clock,
  ProblemReporter,
  TransportEvent,
  TransportProblem,
} from '../../../core/messaging/ports/transport.js';
import { groupsOf, scan } from './stores/dead-letter-scan.js';
import { DeadLetterCounts } from './stores/dead-letter-counts.js';
import type { CountKey } from './stores/dead-letter-row.js';
import { TABLES } from './database/table-names.js';
import { DeadLetterTables } from './stores/dead-letter-tables.js';
import { KeyedMutex } from './stores/keyed-mutex.js';
import { Reopening } from './stores/reopening.js';
import { StoreDatabase } from './stores/store-database.js';

export interface EmbeddedDeadLetterStoreOptions {
  /** Where the letters lie; a directory of their own. */
  readonly directory: string;
  readonly clock?: Clock;
  /** Bytes that the database may use; beyond it `add` rejects and the message stays with its transport. @default 4 GiB */
  readonly maxBytes?: number;
  /** Called with what is wrong with the directory. */
  readonly onEvent?: (event: TransportEvent) => void;
  /** `false` where no other process needs to see them: health does not point it out then. @default true */
  readonly shared?: boolean;
}

interface Opened {
  readonly store: StoreDatabase;
  readonly tables: DeadLetterTables;
  readonly counts: DeadLetterCounts;
}

/** What a write changes in the counts, and how much it adds. */
interface Change {
  readonly from: CountKey | undefined;
  readonly to: CountKey | undefined;
  /** Size of the letter before and after, as limits count it. */
  readonly sizes: readonly [before: number, after: number];
  /** What is written to the disk besides what is there. */
  readonly grows: number;
  /** Gives back the room that was taken for it. */
  readonly release?: () => void;
}

const DEFAULT_MAX_BYTES = 4 * 1024 ** 3;
/** What a letter takes besides its body, about. */
const DEAD_LETTER_BYTES = 4 * 1024;
const NAME = 'dead letter';

/** Keeps dead letters on the local disk, through the death of the process. For one process at a time. */
export class EmbeddedDeadLetterStore implements DeadLetterStore, ProblemReporter {
  readonly #clock: Clock;
  readonly #locks = new KeyedMutex();
  readonly #opened: Reopening<Opened>;
  readonly isLocal: boolean;
  /** What is being written, which others must not count as room. */
  #adding = { count: 0, bytes: 0 };

  constructor(options: EmbeddedDeadLetterStoreOptions) {
    this.#clock = options.clock ?? systemClock;
    const { directory, maxBytes = DEFAULT_MAX_BYTES, onEvent } = options;
    this.#opened = new Reopening({
      name: NAME,
      directory,
      onEvent,
      open: (noteCorrupt) => open({ directory, maxBytes }, noteCorrupt),
    });
    this.isLocal = options.shared ?? true;
  }

  connect(): Promise<void> {
    return this.#opened.connect();
  }

  /** Records that are not as they were written. */
  problems(): readonly TransportProblem[] {
    return this.#opened.problems();
  }

  async add(deadLetter: NewDeadLetter, ceiling?: DeadLetterCeiling): Promise<string> {
    const { tables } = this.#opened.required();
    return this.#locks.run(placeOf(deadLetter), async () => {
      const earlier = tables.row(tables.openAt(deadLetter) ?? '');
      const id = earlier?.id ?? deadLetter.id;
      const kept: DeadLetter = {
        ...deadLetter,
        id,
        status: 'failed',
        bodyBytes: deadLetter.body.length,
        updatedAt: this.#clock.now(),
        replayCount: earlier?.replayCount ?? 0,
        revision: (earlier?.revision ?? 0) + 1,
      };
      const size = storedBytesOf(deadLetter);
      const before = earlier && sizeOf(tables, earlier);
      const release = this.#reserve(size, before, ceiling);
      const grows = deadLetter.body.length + DEAD_LETTER_BYTES;
      const change = { from: earlier, to: kept, sizes: [before ?? 0, size], grows, release } as const;
      await this.#write(() => tables.putLetter(kept, size, earlier), change).finally(release);
      return id;
    });
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    return this.#opened.required().tables.letter(id);
  }

  async list(
    filter: DeadLetterFilter,
    { limit, after, order = 'newest-first' }: Parameters<DeadLetterStore['list']>[1],
  ): Promise<DeadLetterPage> {
    const { tables } = this.#opened.required();
    const found: DeadLetterSummary[] = [];
    for await (const slice of scan(tables, filter, { after, order })) {
      found.push(...slice);
      if (found.length > limit) break;
    }
    const items = found.slice(0, limit).map((row) => tables.complete(row));
    const last = items.at(-1);
    return found.length > limit && last ? { items, next: last.id } : { items };
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    const { tables, counts } = this.#opened.required();
    const counted = counts.count(filter);
    if (counted !== undefined) return counted;
    let count = 0;
    for await (const slice of scan(tables, filter, { order: 'newest-first' })) count += slice.length;
    return count;
  }

  async groups(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetterGroup[]> {
    return groupsOf(this.#opened.required().tables, filter, limit);
  }

  async transition(
    id: string,
    from: readonly DeadLetterStatus[],
    to: DeadLetterStatus,
  ): Promise<DeadLetterSummary | undefined> {
    const { tables } = this.#opened.required();
    return this.#locked(id, async (row) => {
      if (!from.includes(row.status)) return undefined;
      const changed = {
        ...row,
        status: to,
        updatedAt: this.#clock.now(),
        replayCount: row.replayCount + (to === 'replaying' ? 1 : 0),
        revision: row.revision + 1,
      };
      const size = sizeOf(tables, row);
      const change = { from: row, to: changed, sizes: [size, size], grows: 0 } as const;
      await this.#write(() => tables.putRow(changed, size, row), change);
      return tables.complete(changed);
    });
  }

  async discard(id: string, revision?: number): Promise<boolean> {
    const { tables } = this.#opened.required();
    const removed = await this.#locked(id, async (row) => {
      if (revision !== undefined && row.revision !== revision) return false;
      const change = { from: row, to: undefined, sizes: [sizeOf(tables, row), 0], grows: 0 } as const;
      await this.#write(() => tables.remove(row), change);
      return true;
    });
    return removed ?? false;
  }

  async stats(): Promise<readonly DeadLetterCount[]> {
    return this.#opened.required().counts.stats();
  }

  async usage(): Promise<DeadLetterUsage> {
    return this.#opened.required().counts.held;
  }

  close(): Promise<void> {
    return this.#opened.close();
  }

  /** Takes room for a letter. The returned function gives it back, once the letter is counted or was not written. */
  #reserve(size: number, before: number | undefined, ceiling?: DeadLetterCeiling): () => void {
    const { count, bytes } = this.#opened.required().counts.held;
    const held = { count: count + this.#adding.count, bytes: bytes + this.#adding.bytes };
    if (!hasRoom(held, lowerOf({}, ceiling), size, before)) throw storeFullError(held);
    const taken = { count: before === undefined ? 1 : 0, bytes: Math.max(0, size - (before ?? 0)) };
    this.#adding.count += taken.count;
    this.#adding.bytes += taken.bytes;
    return () => {
      this.#adding.count -= taken.count;
      this.#adding.bytes -= taken.bytes;
      taken.count = taken.bytes = 0;
    };
  }

  /** Runs with the current letter, while no other call changes it. */
  async #locked<T>(
    id: string,
    action: (row: Omit<DeadLetterSummary, 'history'>) => Promise<T>,
  ): Promise<T | undefined> {
    const { tables } = this.#opened.required();
    const found = tables.row(id);
    if (!found) return undefined;
    return this.#locks.run(placeOf(found), async () => {
      const row = tables.row(id);
      return row && action(row);
    });
  }

  async #write(write: () => void, { from, to, sizes, grows, release }: Change): Promise<void> {
    const { store, counts } = this.#opened.required();
    const settled = (committed: boolean): void => {
      release?.(); // in the same turn as it is counted, so that no other add sees it twice
      if (!committed) return;
      if (from) counts.add(from, -1, sizes[0]);
      if (to) counts.add(to, 1, sizes[1]);
    };
    await store.commit({ write, settled }, grows).catch((error: unknown) => {
      const isFull = error instanceof MessagingError && errorCodeOf(error.cause) === 'TRANSPORT_FULL';
      throw isFull ? new MessagingError('STORE_FULL', error.message, { cause: error.cause }) : error;
    });
  }
}

async function open(
  options: { readonly directory: string; readonly maxBytes: number },
  noteCorrupt: (place: string) => void,
): Promise<Opened> {
  const store = await StoreDatabase.open(NAME, { ...options, tables: TABLES.deadLetters });
  const tables = new DeadLetterTables(store.database, noteCorrupt);
  let loaded = await DeadLetterCounts.load(tables);
  const { corrupt } = loaded.counts;
  if (corrupt.length > 0) {
    noteCorrupt(`${corrupt.length} records of the index of dead letters, which was written again`);
    await store.commit({ write: () => tables.writeIndex(corrupt) }, 0);
    loaded = await DeadLetterCounts.load(tables);
  }
  const { counts, measured } = loaded;
  if (measured.length > 0) {
    const write = (): void => {
      for (const { key, size } of measured) tables.putSize(key, key.id, size);
    };
    await store.commit({ write }, 0);
  }
  return { store, tables, counts };
}

function placeOf({ topic, group, messageId }: Pick<DeadLetter, 'topic' | 'group' | 'messageId'>): string {
  return JSON.stringify([topic, group, messageId]);
}

function sizeOf(tables: DeadLetterTables, row: CountKey & { readonly id: string }): number {
  return tables.sizeOf(row, row.id) ?? tables.measure(row.id);
}
