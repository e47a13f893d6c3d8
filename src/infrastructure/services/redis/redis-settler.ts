import { backoffMs, pause } from '../../../core/messaging/transport-kit/backoff.js';
import type { Settlement } from '../../../core/messaging/transport.js';
import type { InHand } from './redis-entry.js';

/** Settlements that go to the server in one step. */
const MAX_BATCH = 250;
const REPEAT_BACKOFF = { minMs: 50, maxMs: 1_000, jitter: 'none' } as const;

/** A message in hand, and what shall become of it. */
export interface Settled {
  readonly item: InHand;
  readonly settlement: Settlement;
}

/** What the settler needs of its consumer. */
export interface SettlingLine {
  /** Sends to the server what is given, and deals with the reply. Rejects when it may not have arrived. */
  send(settled: readonly Settled[]): Promise<void>;
  /** The items are settled: nobody will ask for them again. */
  settled(items: readonly InHand[]): void;
  /** False once the item was taken over by others. */
  isOurs(item: InHand): boolean;
  /** Something is sent in a moment, and settlements with it. */
  isAhead(): boolean;
  dropped(item: InHand): void;
}

/**
 * Brings settlements to the server: at once when none is on its way, else together with all others that come meanwhile.
 * Repeats what got lost, which the server notices.
 */
export class RedisSettler {
  readonly #line: SettlingLine;
  #queue: Settled[] = [];
  #isSending = false;
  #isScheduled = false;
  #isClosed = false;
  #failures = 0;
  #idleWaiters: (() => void)[] = [];
  #underWay = 0;

  constructor(line: SettlingLine) {
    this.#line = line;
  }

  /** Settlements that the server has not confirmed. */
  get unconfirmed(): number {
    return this.#queue.length + this.#underWay;
  }

  add(item: InHand, settlement: Settlement): void {
    if (this.#isClosed) {
      this.#line.dropped(item);
      return;
    }
    this.#queue.push({ item, settlement });
    if (this.#isSending || this.#isScheduled || this.#line.isAhead()) return;
    this.#isScheduled = true;
    // What the continuations of one turn settle goes together.
    queueMicrotask(() => process.nextTick(() => this.flush()));
  }

  /** Sends what waits, unless something is on its way, which will be followed by the rest. */
  flush(): void {
    this.#isScheduled = false;
    if (!this.#isSending && this.#queue.length > 0) void this.#sendAll();
  }

  /** Resolves when the server has confirmed everything. */
  idle(): Promise<void> {
    if (this.unconfirmed === 0) return Promise.resolve();
    this.flush();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Drops what the server has not confirmed; it will hand that out again. */
  close(): void {
    this.#isClosed = true;
    for (const { item } of this.#queue.splice(0)) this.#line.dropped(item);
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#queue.length > 0 && !this.#hasEnded()) {
      const batch = this.#queue.splice(0, MAX_BATCH);
      this.#underWay = batch.length;
      const isSent = await this.#send(batch);
      this.#underWay = 0;
      if (isSent) continue;
      this.#queue = [...batch, ...this.#queue];
      await pause(backoffMs(this.#failures - 1, REPEAT_BACKOFF));
    }
    for (const { item } of this.#hasEnded() ? this.#queue.splice(0) : []) this.#line.dropped(item);
    this.#isSending = false;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** A call, because whoever waits in between must look again. */
  #hasEnded(): boolean {
    return this.#isClosed;
  }

  async #send(batch: readonly Settled[]): Promise<boolean> {
    const ours = batch.filter(({ item }) => this.#line.isOurs(item));
    try {
      if (ours.length > 0) await this.#line.send(ours);
    } catch {
      this.#failures += 1;
      return false;
    }
    this.#failures = 0;
    for (const { item } of batch) if (!this.#line.isOurs(item)) this.#line.dropped(item);
    this.#line.settled(batch.map(({ item }) => item));
    return true;
  }
}
