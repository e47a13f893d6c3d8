import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { IdempotencyClaim, IdempotencyStore } from '../../../core/messaging/ports/idempotency-store.js';
import { MessagingError } from '../../../core/messaging/ports/errors.js';
import type { Clock } from '../../../core/messaging/ports/transport.js';

export interface MemoryIdempotencyStoreOptions {
  readonly clock?: Clock;
  /** Keys remembered at a time, beyond which `begin` rejects. @default 1_000_000 */
  readonly maxKeys?: number;
  /** `false` where no other process needs to know them: health does not point it out then. @default true */
  readonly shared?: boolean;
}

interface Entry {
  /** Absent once the message is handled. */
  readonly token: string | undefined;
  /** End of the lease or of the window, on the monotonic clock. */
  readonly until: number;
}

const DEFAULT_MAX_KEYS = 1_000_000;
/** Expired entries looked for with every claim; two are enough, because a claim adds one. */
const SWEPT_PER_CLAIM = 2;
/** A full store sweeps all entries, at most this often. */
const FULL_SWEEP_EVERY_MS = 1_000;

/** Remembers what was handled as long as the process lives. For tests, and where a restart may repeat. */
export class MemoryIdempotencyStore implements IdempotencyStore {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly isLocal: boolean;
  #tokens = 0;
  #sweep: Iterator<[string, Entry]> | undefined;
  #nextFullSweep = -Infinity;

  constructor({
    clock = systemClock,
    maxKeys = DEFAULT_MAX_KEYS,
    shared = true,
  }: MemoryIdempotencyStoreOptions = {}) {
    this.#clock = clock;
    this.#maxKeys = maxKeys;
    this.isLocal = shared;
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async begin(key: string, leaseMs: number): Promise<IdempotencyClaim> {
    const now = this.#clock.monotonic();
    this.#forgetExpired(now);
    const entry = this.#entries.get(key);
    if (entry && entry.until > now) {
      return entry.token === undefined ? { kind: 'done' } : { kind: 'busy', retryAfterMs: entry.until - now };
    }
    if (!entry && !this.#hasRoom(now)) {
      throw new MessagingError(
        'STORE_UNAVAILABLE',
        `The idempotency store remembers ${this.#maxKeys} messages, as many as it may. Shorten the windows, or raise maxKeys.`,
      );
    }
    const token = String(++this.#tokens);
    this.#entries.set(key, { token, until: now + leaseMs });
    return { kind: 'fresh', token };
  }

  async find(key: string): Promise<'done' | 'busy' | undefined> {
    const entry = this.#entries.get(key);
    if (!entry || entry.until <= this.#clock.monotonic()) return undefined;
    return entry.token === undefined ? 'done' : 'busy';
  }

  async complete(key: string, token: string, windowMs: number): Promise<void> {
    if (this.#entries.get(key)?.token !== token) return;
    this.#entries.set(key, { token: undefined, until: this.#clock.monotonic() + windowMs });
  }

  async release(key: string, token: string): Promise<void> {
    if (this.#entries.get(key)?.token === token) this.#entries.delete(key);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #hasRoom(now: number): boolean {
    if (this.#entries.size >= this.#maxKeys && now >= this.#nextFullSweep) {
      this.#nextFullSweep = now + FULL_SWEEP_EVERY_MS;
      for (const [key, { until }] of this.#entries) if (until <= now) this.#entries.delete(key);
    }
    return this.#entries.size < this.#maxKeys;
  }

  /** Looks at a few entries in turn, so that no claim pays for all of them. */
  #forgetExpired(now: number): void {
    for (let looked = 0; looked < SWEPT_PER_CLAIM; looked++) {
      this.#sweep ??= this.#entries.entries();
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = undefined;
        return;
      }
      const [key, entry] = next.value;
      if (entry.until <= now) this.#entries.delete(key);
    }
  }
}
