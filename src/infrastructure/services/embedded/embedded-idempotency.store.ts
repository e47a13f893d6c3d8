import { createHash, randomUUID } from 'node:crypto';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { IdempotencyClaim, IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import type { Clock } from '../../../core/messaging/ports/transport.js';
import { SteadyClock } from '../../../core/messaging/transport-kit/steady-clock.js';
import type { Table } from './database/lmdb-client.js';
import { StoreDatabase, unavailable } from './stores/store-database.js';

export interface EmbeddedIdempotencyStoreOptions {
  /** Where it remembers; a directory of its own. */
  readonly directory: string;
  readonly clock?: Clock;
  /** Size of what is remembered at most; beyond it `begin` rejects. @default 1 GiB */
  readonly maxBytes?: number;
}

interface Lease {
  readonly token: string;
  readonly untilMs: number;
}

interface Opened {
  readonly store: StoreDatabase;
  readonly done: Table;
  readonly expiry: Table;
}

const DEFAULT_MAX_BYTES = 1024 ** 3;
const NAME = 'idempotency';
/** Longer keys are stored as their hash. */
const LONGEST_PLAIN_KEY = 256;
const ENTRY_BYTES = 512;
const SWEEP_EVERY_MS = 10_000;
const SWEPT_PER_COMMIT = 1_000;

/**
 * Remembers on the local disk which messages were handled. For one process at a time.
 *
 * Handled messages are on the disk. Claims are not: they belong to this process, and when it dies none of its handlers
 * runs, so the next process may claim at once.
 *
 * A window is a distance, which no step of the machine's clock changes while the process lives. Over a restart it is a
 * time of day: a clock that was set forward in between ends it early by as much.
 */
export class EmbeddedIdempotencyStore implements IdempotencyStore {
  readonly #options: EmbeddedIdempotencyStoreOptions;
  readonly #clock: Clock;
  readonly #leases = new Map<string, Lease>();
  /** Being written as done: a sweep in the same transaction must leave them. */
  readonly #completing = new Set<string>();
  #opened: Opened | undefined;
  #connecting: Promise<void> | undefined;
  #cancelSweep: (() => void) | undefined;

  constructor(options: EmbeddedIdempotencyStoreOptions) {
    this.#options = options;
    this.#clock = new SteadyClock(options.clock ?? systemClock);
  }

  connect(): Promise<void> {
    if (this.#opened) return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async begin(key: string, leaseMs: number): Promise<IdempotencyClaim> {
    const { store, done } = this.#required();
    const until = done.getBinary(keyBytes(key))?.readDoubleBE(0);
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

  async complete(key: string, token: string, windowMs: number): Promise<void> {
    const { store, done } = this.#required();
    if (this.#leases.get(key)?.token !== token) return;
    const untilMs = Math.ceil(this.#clock.now() + windowMs);
    const stored = keyBytes(key);
    const earlier = done.getBinary(stored);
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
    await this.#connecting?.catch(() => undefined);
    this.#cancelSweep?.();
    const opened = this.#opened;
    this.#opened = undefined;
    this.#leases.clear();
    await opened?.store.close();
  }

  async #connect(): Promise<void> {
    const { directory, maxBytes = DEFAULT_MAX_BYTES } = this.#options;
    const store = await StoreDatabase.open(NAME, { directory, maxBytes, tables: ['done', 'expiry'] });
    this.#opened = { store, done: store.database.table('done'), expiry: store.database.table('expiry') };
    this.#sweepLater();
  }

  #writeDone(stored: Buffer, { earlier, untilMs }: { earlier: Buffer | undefined; untilMs: number }): void {
    if (!this.#opened) return; // closed meanwhile, and the commit with it
    const { done, expiry } = this.#opened;
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
          if (this.#opened) this.#sweepLater();
        });
    });
  }

  async #sweep(): Promise<void> {
    const now = this.#clock.monotonic();
    for (const [key, lease] of this.#leases) if (lease.untilMs <= now) this.#leases.delete(key);
    for (;;) {
      if (!this.#opened) return;
      const { store, done, expiry } = this.#opened;
      const end = timeBytes(this.#clock.now());
      const expired = [...expiry.getKeys({ end, limit: SWEPT_PER_COMMIT })];
      if (expired.length === 0) return;
      await store.commit(
        {
          write: () => {
            for (const key of expired) {
              expiry.remove(key);
              const stored = key.subarray(8);
              if (!this.#completing.has(stored.toString('latin1'))) done.remove(stored);
            }
          },
        },
        0,
      );
    }
  }

  #required(): Opened {
    const opened = this.#opened;
    if (!opened) throw unavailable(NAME, 'It is not connected.');
    if (opened.store.database.suspect) this.#reopen(opened);
    opened.store.assertSound();
    return opened;
  }

  /** With every call until it succeeds, so that a store that nothing uses tries nothing. */
  #reopen({ store }: Opened): void {
    this.#connecting ??= store
      .abandon()
      .then(() => this.#connect())
      .catch(() => undefined) // the call that began it reports why
      .finally(() => {
        this.#connecting = undefined;
      });
  }
}

/** Compares as bytes like the number, for numbers that are not negative. */
function timeBytes(ms: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(ms);
  return bytes;
}

function keyBytes(key: string): Buffer {
  const plain = Buffer.from(`p${key}`);
  return plain.length <= LONGEST_PLAIN_KEY ? plain : createHash('sha256').update(key).digest();
}
