import { backoffMs, pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Settlement } from '../../../../core/messaging/ports/transport.js';
import type { InFlightEntry } from '../wire/stream-entry.js';

/** Settlements that go to the server in one step. */
const MAX_BATCH = 250;
const REPEAT_BACKOFF = { minMs: 50, maxMs: 1_000, jitter: 'none' } as const;

/** A message in hand, and what shall become of it. */
export interface Settled {
  readonly item: InFlightEntry;
  readonly settlement: Settlement;
}

/**
 * Settlements on their way to the server, in batches: one at a time, with all that were added while the one before was under way.
 * Whoever sends takes a batch with {@link next} and says what became of it. What got lost is repeated, which the server notices.
 */
export class RedisSettler {
  #queue: Settled[] = [];
  #underWay: readonly Settled[] = [];
  #isSending = false;
  #isClosed = false;
  #failures = 0;
  #idleWaiters: (() => void)[] = [];

  /** Settlements that the server has not confirmed. */
  get unconfirmed(): number {
    return this.#queue.length + this.#underWay.length;
  }

  /** A batch is under way, or waits to be repeated: what is added will follow it. */
  get isSending(): boolean {
    return this.#isSending;
  }

  /** False once it is closed, and the item is dropped. */
  add(item: InFlightEntry, settlement: Settlement): boolean {
    if (!this.#isClosed) this.#queue.push({ item, settlement });
    return !this.#isClosed;
  }

  /** The next batch to send: none while another is under way, and when nothing waits. */
  next(): readonly Settled[] | undefined {
    if (this.#isSending || this.#queue.length === 0) return undefined;
    this.#isSending = true;
    this.#underWay = this.#queue.splice(0, MAX_BATCH);
    return this.#underWay;
  }

  /** The server has the batch. */
  confirm(): void {
    this.#failures = 0;
    this.#ended();
  }

  /** The server may not have the batch. Resolves when it may be sent again, with what is dropped instead once this is closed. */
  async repeat(): Promise<readonly Settled[]> {
    this.#queue = [...this.#underWay, ...this.#queue];
    this.#underWay = [];
    await pause(backoffMs(this.#failures++, REPEAT_BACKOFF));
    const dropped = this.#isClosed ? this.#queue.splice(0) : [];
    this.#ended();
    return dropped;
  }

  /** Resolves when the server has confirmed everything that waits or is under way. */
  idle(): Promise<void> {
    if (this.unconfirmed === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Drops what the server has not confirmed, and returns it; the server will hand that out again. */
  close(): readonly Settled[] {
    this.#isClosed = true;
    return this.#queue.splice(0);
  }

  #ended(): void {
    this.#underWay = [];
    this.#isSending = false;
    if (this.#queue.length > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
