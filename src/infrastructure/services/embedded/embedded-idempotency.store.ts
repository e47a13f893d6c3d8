import { createHash, randomUUID } from 'node:crypto';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { IdempotencyClaim, IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import type {
  Clock,
  ProblemReporter,
  TransportEvent,
  TransportProblem,
} from '../../../core/messaging/ports/transport.js';
import { SteadyClock } from '../../../core/messaging/transport-kit/steady-clock.js';
import type { RecordTable } from './database/record-table.js';
import { Reopening } from './stores/reopening.js';
import { TABLES } from './database/table-names.js';
import { StoreDatabase, unavailable } from './stores/store-database.js';

export interface EmbeddedIdempotencyStoreOptions {
  /** Where it remembers; a directory of its own. */
  readonly directory: string;
  readonly clock?: Clock;
  /** Size of what is remembered at most; beyond it `begin` rejects. @default 1 GiB */
  readonly maxBytes?: number;
  /** Called with what is wrong with the directory. */
  readonly onEvent?: (event: TransportEvent) => void;
  /** `false` where no other process needs to know them: health does not point it out then. @default true */
  readonly shared?: boolean;
}

interface Lease {
  readonly token: string;
  readonly untilMs: number;
}

interface Opened {
  readonly store: StoreDatabase;
  readonly done: RecordTable;
  readonly expiry: RecordTable;
}

const DEFAULT_MAX_BYTES = 1024 ** 3;
const NAME = 'idempotency';
/** Longer keys are stored as their hash. */
const LONGEST_PLAIN_KEY = 256;
const ENTRY_BYTES = 512;
const SWEEP_EVERY_MS = 10_000;
const SWEPT_PER_COMMIT = 1_000;
const TIME_BYTES = 8;

/**
 * Remembers on the local disk which messages were handled. For one process at a time.
 *
 * Handled messages are on the disk. Claims are not: they belong to this process, and when it dies none of its handlers
 * runs, so the next process may claim at once.
 *
 * A window is a distance, which no step of the machine's clock changes while the process lives. Over a restart it is a
 * time of day: a clock that was set forward in between ends it early by as much.
 */
export class EmbeddedIdempotencyStore implements IdempotencyStore, ProblemReporter {
  readonly #clock: Clock;
  readonly #leases = new Map<string, Lease>();
  /** Being written as done: a sweep in the same transaction must leave them. */
  readonly #completing = new Set<string>();
  readonly #opened: Reopening<Opened>;
  #isClosed = false;
  #cancelSweep: (() => void) | undefined;
  readonly isLocal: boolean;

  constructor(options: EmbeddedIdempotencyStoreOptions) {
    const { directory, maxBytes = DEFAULT_MAX_BYTES, onEvent } = options;
    this.#opened = new Reopening({
      name: NAME,
      directory,
      onEvent,
      open: () => open({ directory, maxBytes }),
    });
    this.isLocal = options.shared ?? true;
    this.#clock = new SteadyClock(options.clock ?? systemClock);
  }

  async connect(): Promise<void> {
    this.#isClosed = false;
    await this.#opened.connect();
    this.#sweepLater();
  }

  /** Records that are not as they were written. */
  problems(): readonly TransportProblem[] {
    return this.#opened.problems();
  }

  async begin(key: string, leaseMs: number): Promise<IdempotencyClaim> {
    const { store, done } = this.#opened.required();
    const until = this.#untilOf(done, keyBytes(key));
    if (until !== undefined && until > this.#clock.now()) return { kind: 'done' };
    const now = this.#clock.monotonic();
    const lease = this.#leases.get(key);
    if (lease && lease.untilMs > now) return { kind: 'busy', retryAfterMs: lease.untilMs - now };
    const full = store.database.refusesGrowth(ENTRY_BYTES);
    if (full) throw unavailable(NAME, full.message, full);
    const token = randomUUID();
    this.#leases.set(key, { token, untilMs: now + leaseMs });
    return { kind: 'fresh', token };
  }

  async find(key: string): Promise<'done' | 'busy' | undefined> {
    const { done } = this.#opened.required();
    if (!this.#isOver(done, keyBytes(key))) return 'done';
    const lease = this.#leases.get(key);
    return lease && lease.untilMs > this.#clock.monotonic() ? 'busy' : undefined;
  }

  async complete(key: string, token: string, windowMs: number): Promise<void> {
    const { store, done } = this.#opened.required();
    if (this.#leases.get(key)?.token !== token) return;
    const untilMs = Math.ceil(this.#clock.now() + windowMs);
    const stored = keyBytes(key);
    const earlier = done.read(stored)?.value;
    const name = stored.toString('latin1');
    this.#completing.add(name);
    try {
      await store.commit({ write: () => this.#writeDone(stored, { earlier, untilMs }) }, ENTRY_BYTES);
    } finally {
      this.#completing.delete(name);
    }
    this.#drop(key, token);
  }

  async release(key: string, token: string): Promise<void> {
    this.#drop(key, token);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelSweep?.();
    this.#leases.clear();
    await this.#opened.close();
  }

  /** A record that cannot be read counts as none: the message is handled, perhaps for the second time. */
  #untilOf(done: RecordTable, stored: Buffer): number | undefined {
    const found = done.read(stored);
    if (!found) return undefined;
    if (!found.isCorrupt && found.value.length === TIME_BYTES) return found.value.readDoubleBE(0);
    this.#opened.noteCorrupt(`handled message ${stored.toString('latin1')}`);
    return undefined;
  }

  #isOver(done: RecordTable, stored: Buffer): boolean {
    const until = this.#untilOf(done, stored);
    return until === undefined || until <= this.#clock.now();
  }

  #writeDone(stored: Buffer, { earlier, untilMs }: { earlier: Buffer | undefined; untilMs: number }): void {
    const opened = this.#opened.current;
    if (!opened) return; // closed meanwhile, and the commit with it
    const { done, expiry } = opened;
    if (earlier) expiry.remove(Buffer.concat([earlier, stored]));
    const until = timeBytes(untilMs);
    done.put(stored, until);
    expiry.put(Buffer.concat([until, stored]), Buffer.alloc(1));
  }

  #drop(key: string, token: string): void {
    if (this.#leases.get(key)?.token === token) this.#leases.delete(key);
  }

  #sweepLater(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = this.#clock.schedule(SWEEP_EVERY_MS, () => {
      this.#sweep()
        .catch(() => undefined) // the next one tries again; operations report what is wrong
        .finally(() => {
          if (!this.#isClosed) this.#sweepLater();
        });
    });
  }

  async #sweep(): Promise<void> {
    const now = this.#clock.monotonic();
    for (const [key, lease] of this.#leases) if (lease.untilMs <= now) this.#leases.delete(key);
    for (;;) {
      const opened = this.#opened.current;
      if (!opened) return;
      const { store, done, expiry } = opened;
      const end = timeBytes(this.#clock.now());
      const expired = [...expiry.getKeys({ end, limit: SWEPT_PER_COMMIT })];
      if (expired.length === 0) return;
      // Read before the transaction, and decided by its own time: an altered key of the index must end no other window.
      const over = expired.filter((key) => this.#isOver(done, key.subarray(TIME_BYTES)));
      await store.commit(
        {
          write: () => {
            for (const key of expired) expiry.remove(key);
            for (const key of over) {
              const stored = key.subarray(TIME_BYTES);
              if (!this.#completing.has(stored.toString('latin1'))) done.remove(stored);
            }
          },
        },
        0,
      );
    }
  }
}

async function open(options: { readonly directory: string; readonly maxBytes: number }): Promise<Opened> {
  const store = await StoreDatabase.open(NAME, { ...options, tables: TABLES.idempotency });
  return { store, done: store.database.table('done'), expiry: store.database.table('expiry') };
}

/** Compares as bytes like the number, for numbers that are not negative. */
function timeBytes(ms: number): Buffer {
  const bytes = Buffer.allocUnsafe(TIME_BYTES);
  bytes.writeDoubleBE(ms);
  return bytes;
}

function keyBytes(key: string): Buffer {
  const plain = Buffer.from(`p${key}`);
  return plain.length <= LONGEST_PLAIN_KEY ? plain : createHash('sha256').update(key).digest();
}
