import { systemClock } from '../../../core/messaging/ports/clock.js';
import type {
  ControlChanges,
  ControlEntry,
  ControlPage,
  ControlPutOptions,
  ControlStore,
  ControlWrite,
} from '../../../core/messaging/ports/control-store.js';
import type {
  Clock,
  ProblemReporter,
  TransportEvent,
  TransportProblem,
} from '../../../core/messaging/ports/transport.js';
import {
  type ControlRow,
  type ControlStep,
  ControlTable,
} from '../../../core/messaging/transport-kit/control-table.js';
import { SteadyClock } from '../../../core/messaging/transport-kit/steady-clock.js';
import type { RecordTable } from './database/record-table.js';
import { TABLES } from './database/table-names.js';
import { KeyedMutex } from './stores/keyed-mutex.js';
import { Reopening } from './stores/reopening.js';
import { StoreDatabase } from './stores/store-database.js';

export interface EmbeddedControlStoreOptions {
  /** Where it is kept; a directory of its own. */
  readonly directory: string;
  readonly clock?: Clock;
  /** Size of what is kept at most; beyond it `put` rejects. @default 1 GiB */
  readonly maxBytes?: number;
  /** Called with what is wrong with the directory. */
  readonly onEvent?: (event: TransportEvent) => void;
}

interface Opened {
  readonly store: StoreDatabase;
  readonly records: RecordTable;
  readonly table: ControlTable;
  /** Expired, and still on the disk. */
  readonly expired: Set<string>;
}

const DEFAULT_MAX_BYTES = 1024 ** 3;
const NAME = 'control';
/** What an entry takes on the disk besides its value. */
const ENTRY_BYTES = 1_024;
/** Keys of entries start with `e`. */
const REVISION_KEY = Buffer.from('revision');

/**
 * Keeps what operators set on the local disk. For one process at a time.
 *
 * All of it is in memory as well, and a write is seen once the disk has it. A time to live is a distance, which no step of
 * the machine's clock changes while the process lives; over a restart it is a time of day.
 */
export class EmbeddedControlStore implements ControlStore, ProblemReporter {
  readonly isLocal = true;
  readonly #clock: SteadyClock;
  readonly #opened: Reopening<Opened>;
  /** One write after the other, because each takes the next revision. */
  readonly #writes = new KeyedMutex();

  constructor({
    directory,
    maxBytes = DEFAULT_MAX_BYTES,
    onEvent,
    clock = systemClock,
  }: EmbeddedControlStoreOptions) {
    this.#clock = new SteadyClock(clock);
    this.#opened = new Reopening({
      name: NAME,
      directory,
      onEvent,
      open: (noteCorrupt) => this.#open({ directory, maxBytes }, noteCorrupt),
    });
  }

  connect(): Promise<void> {
    return this.#opened.connect();
  }

  /** Records that are not as they were written. */
  problems(): readonly TransportProblem[] {
    return this.#opened.problems();
  }

  async get(key: string): Promise<ControlEntry | undefined> {
    return this.#current().table.get(key);
  }

  put(key: string, value: string, options: ControlPutOptions = {}): Promise<ControlWrite> {
    return this.#writes.run(NAME, async () => {
      const opened = this.#current();
      const step = opened.table.planPut(key, value, options);
      if ('kind' in step) return step;
      await this.#write(opened, step, ENTRY_BYTES + Buffer.byteLength(value));
      return opened.table.written(step);
    });
  }

  delete(key: string, { ifRevision }: Pick<ControlPutOptions, 'ifRevision'> = {}): Promise<boolean> {
    return this.#writes.run(NAME, async () => {
      const opened = this.#current();
      const step = opened.table.planRemoval(key, ifRevision);
      if (!step) return false;
      await this.#write(opened, step, 0);
      return true;
    });
  }

  async list(
    prefix: string,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<ControlPage> {
    return this.#current().table.list(prefix, page);
  }

  async changes(prefix: string, since: number): Promise<ControlChanges> {
    return this.#current().table.changes(prefix, since);
  }

  close(): Promise<void> {
    return this.#opened.close();
  }

  #current(): Opened {
    const opened = this.#opened.required();
    for (const key of opened.table.expire()) opened.expired.add(key);
    return opened;
  }

  /** Removes with it what has expired, in the same transaction. */
  async #write({ store, records, table, expired }: Opened, step: ControlStep, bytes: number): Promise<void> {
    const { key, row, revision } = step;
    const over = [...expired].filter((one) => one !== key);
    const write = (): void => {
      for (const one of over) records.remove(keyOf(one));
      if (row) records.put(keyOf(key), Buffer.from(JSON.stringify(row)));
      else records.remove(keyOf(key));
      records.put(REVISION_KEY, Buffer.from(String(revision)));
    };
    await store.commit({ write }, bytes);
    for (const one of over) expired.delete(one);
    expired.delete(key);
    table.apply(step);
  }

  async #open(
    options: { readonly directory: string; readonly maxBytes: number },
    noteCorrupt: (place: string) => void,
  ): Promise<Opened> {
    const store = await StoreDatabase.open(NAME, { ...options, tables: TABLES.control });
    const records = store.database.table('control');
    const rows: [string, ControlRow][] = [];
    let revision = 0;
    for (const { key, value, isCorrupt } of records.getRange({})) {
      const name = key.toString('latin1');
      const read = isCorrupt ? undefined : readRow(value);
      if (read === undefined) noteCorrupt(`control entry ${name}`);
      else if (typeof read === 'number') revision = read;
      else rows.push([name.slice(1), read]);
    }
    const table = new ControlTable(this.#clock);
    table.load(rows, revision);
    return { store, records, table, expired: new Set() };
  }
}

/** The entry, or the last revision. Undefined for what is neither. */
function readRow(bytes: Buffer): ControlRow | number | undefined {
  try {
    const read = JSON.parse(bytes.toString()) as unknown;
    if (typeof read === 'number') return read;
    const { value, revision, until } = read as Partial<ControlRow>;
    if (typeof value !== 'string' || typeof revision !== 'number') return undefined;
    return { value, revision, ...(typeof until === 'number' && { until }) };
  } catch {
    return undefined;
  }
}

function keyOf(key: string): Buffer {
  return Buffer.from(`e${key}`);
}
