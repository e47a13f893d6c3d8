import { systemClock } from '../../../core/messaging/ports/clock.js';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterPage,
  DeadLetterStatus,
  DeadLetterCount,
  DeadLetterStore,
  DeadLetterSummary,
  NewDeadLetter,
} from '../../../core/messaging/ports/dead-letter-store.js';
import type {
  Clock,
  ProblemReporter,
  TransportEvent,
  TransportProblem,
} from '../../../core/messaging/ports/transport.js';
import { groupsOf, scan } from './stores/dead-letter-scan.js';
import { DeadLetterCounts } from './stores/dead-letter-counts.js';
import { DEAD_LETTER_TABLES, DeadLetterTables, type CountKey } from './stores/dead-letter-tables.js';
import { KeyedMutex } from './stores/keyed-mutex.js';
import { Reopening } from './stores/reopening.js';
import { StoreDatabase } from './stores/store-database.js';

export interface EmbeddedDeadLetterStoreOptions {
  /** Where the letters lie; a directory of their own. */
  readonly directory: string;
  readonly clock?: Clock;
  /** Letters kept at most, in bytes; beyond it `add` rejects and the message stays with its transport. @default 4 GiB */
  readonly maxBytes?: number;
  /** Called with what is wrong with the directory. */
  readonly onEvent?: (event: TransportEvent) => void;
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
  readonly bytes: number;
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

  constructor(options: EmbeddedDeadLetterStoreOptions) {
    this.#clock = options.clock ?? systemClock;
    const { directory, maxBytes = DEFAULT_MAX_BYTES, onEvent } = options;
    this.#opened = new Reopening({
      name: NAME,
      directory,
      onEvent,
      open: (noteCorrupt) => open({ directory, maxBytes }, noteCorrupt),
    });
  }

  connect(): Promise<void> {
    return this.#opened.connect();
  }

  /** Records that are not as they were written. */
  problems(): readonly TransportProblem[] {
    return this.#opened.problems();
  }

  async add(deadLetter: NewDeadLetter): Promise<string> {
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
      const bytes = deadLetter.body.length + DEAD_LETTER_BYTES;
      await this.#write(() => tables.putLetter(kept, earlier), { from: earlier, to: kept, bytes });
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
      await this.#write(() => tables.putRow(changed, row), { from: row, to: changed, bytes: 0 });
      return tables.complete(changed);
    });
  }

  async discard(id: string): Promise<boolean> {
    const { tables } = this.#opened.required();
    const removed = await this.#locked(id, async (row) => {
      await this.#write(() => tables.remove(row), { from: row, to: undefined, bytes: 0 });
      return true;
    });
    return removed ?? false;
  }

  async stats(): Promise<readonly DeadLetterCount[]> {
    return this.#opened.required().counts.stats();
  }

  close(): Promise<void> {
    return this.#opened.close();
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

  async #write(write: () => void, change: Change): Promise<void> {
    const { store, counts } = this.#opened.required();
    await store.commit(
      {
        write,
        settled: (committed) => {
          if (!committed) return;
          if (change.from) counts.add(change.from, -1);
          if (change.to) counts.add(change.to, 1);
        },
      },
      change.bytes,
    );
  }
}

async function open(
  options: { readonly directory: string; readonly maxBytes: number },
  noteCorrupt: (place: string) => void,
): Promise<Opened> {
  const store = await StoreDatabase.open(NAME, { ...options, tables: DEAD_LETTER_TABLES });
  const tables = new DeadLetterTables(store.database, noteCorrupt);
  const counts = new DeadLetterCounts(tables);
  const { corrupt } = counts;
  if (corrupt.length === 0) return { store, tables, counts };
  noteCorrupt(`${corrupt.length} records of the index of dead letters, which was written again`);
  await store.commit({ write: () => tables.writeIndex(corrupt) }, 0);
  return { store, tables, counts: new DeadLetterCounts(tables) };
}

function placeOf({ topic, group, messageId }: Pick<DeadLetter, 'topic' | 'group' | 'messageId'>): string {
  return JSON.stringify([topic, group, messageId]);
}
