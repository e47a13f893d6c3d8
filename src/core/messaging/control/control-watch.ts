import { MessagingError } from '../ports/errors.js';
import { CONTROL_LIMITS, type ControlEntry, type ControlStore } from '../ports/control-store.js';
import type { Clock } from '../ports/transport.js';
import { backoffMs } from '../transport-kit/backoff.js';
import { withDeadline } from '../transport-kit/deadline.js';

/** A change of another process is seen this much later. */
const POLL_MS = 500;
const FAILURE_BACKOFF = { minMs: 500, maxMs: 5_000 } as const;
/** Longer than the deadline that a store keeps itself, so that its own error is the one that is seen. */
const DEADLINE_MS = 15_000;

export interface ControlWatcher {
  /** Called once for each entry that is there, and for each change. Without an entry it was removed, or has expired. */
  readonly changed: (key: string, entry: ControlEntry | undefined) => void;
  /** Called when the store does not answer, once until it does again. */
  readonly failed: (error: unknown) => void;
  /** Called when it answers again. */
  readonly recovered: () => void;
}

/** What was seen of an entry. It expires on the monotonic clock. */
interface Known {
  readonly revision: number;
  readonly expiresAt: number;
}

/**
 * Follows the entries below a prefix.
 *
 * It asks for what has changed since the last revision that it has seen, so that a lost connection loses no change. When
 * the store no longer knows all of them, it compares everything. In a store that only this process writes to, it asks when
 * an entry expires, and when the writer calls `refresh`.
 */
export class ControlWatch {
  readonly #known = new Map<string, Known>();
  #since = 0;
  #failures = 0;
  #isStopped = false;
  #reading: Promise<void> | undefined;
  #cancelPoll: (() => void) | undefined;

  constructor(
    private readonly store: ControlStore,
    private readonly prefix: string,
    private readonly clock: Clock,
    private readonly watcher: ControlWatcher,
  ) {}

  /** Reads what is there, and follows it from then on, also when that fails. Never rejects. */
  async start(): Promise<void> {
    await this.refresh();
  }

  /** Reads now what has changed. Never rejects. */
  async refresh(): Promise<void> {
    // One that is under way may have asked before the change of the caller.
    await this.#reading;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
      this.#pollLater();
    });
    await this.#reading;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelPoll?.();
  }

  #pollLater(): void {
    this.#cancelPoll?.();
    if (this.#isStopped) return;
    const delayMs = this.#failures === 0 ? this.#idleMs() : backoffMs(this.#failures, FAILURE_BACKOFF);
    if (delayMs !== Infinity) this.#cancelPoll = this.clock.schedule(delayMs, () => void this.refresh());
  }

  /** In a store that only this process writes to, nothing changes by itself but what expires. */
  #idleMs(): number {
    if (this.store.isLocal !== true) return POLL_MS;
    const soonest = Math.min(...[...this.#known.values()].map(({ expiresAt }) => expiresAt));
    return Math.max(1, soonest - this.clock.monotonic());
  }

  async #read(): Promise<void> {
    if (this.#isStopped) return;
    try {
      while (await this.#readOnce());
    } catch (error) {
      this.#failures += 1;
      if (this.#failures === 1) this.watcher.failed(error);
      return;
    }
    if (this.#failures > 0) this.watcher.recovered();
    this.#failures = 0;
  }

  /** True when there may be more. */
  async #readOnce(): Promise<boolean> {
    const found = await this.#inTime(this.store.changes(this.prefix, this.#since));
    if (found.kind === 'reset') {
      await this.#readAll();
      this.#since = found.revision;
      return false;
    }
    for (const { key, entry } of found.changes) this.#changed(key, entry);
    const isMore = found.changes.length > 0 && found.revision !== this.#since;
    this.#since = found.revision;
    return isMore;
  }

  async #readAll(): Promise<void> {
    const missing = new Set(this.#known.keys());
    let after: string | undefined;
    do {
      const page = await this.#inTime(
        this.store.list(this.prefix, { limit: CONTROL_LIMITS.page, ...(after !== undefined && { after }) }),
      );
      for (const entry of page.entries) {
        missing.delete(entry.key);
        this.#changed(entry.key, entry);
      }
      after = page.after;
    } while (after !== undefined);
    for (const key of missing) this.#changed(key, undefined);
  }

  #changed(key: string, entry: ControlEntry | undefined): void {
    if (this.#known.get(key)?.revision === entry?.revision) return;
    if (entry) this.#known.set(key, this.#noteOf(entry));
    else this.#known.delete(key);
    this.watcher.changed(key, entry);
  }

  #noteOf({ revision, expiresInMs = Infinity }: ControlEntry): Known {
    return { revision, expiresAt: this.clock.monotonic() + expiresInMs };
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return withDeadline(work, DEADLINE_MS, lateError, this.clock);
  }
}

function lateError(): MessagingError {
  return new MessagingError(
    'STORE_UNAVAILABLE',
    `The control store did not answer within ${DEADLINE_MS} ms.`,
  );
}
