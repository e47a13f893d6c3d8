import { backoffMs, pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Settlement } from '../../../../core/messaging/ports/transport.js';
import type { Argument } from '../scripts/script-call.js';
import type { InFlightEntry } from '../wire/stream-entry.js';

/** Settlements that go to the server in one step. */
const MAX_BATCH = 250;
const REPEAT_BACKOFF = { minMs: 50, maxMs: 1_000, jitter: 'none' } as const;

/** A message in flight, and its settlement. */
export interface Settled {
  readonly item: InFlightEntry;
  readonly settlement: Settlement;
}

/**
 * Queue of settlements, sent in batches: one at a time, with all that were added while the previous one was in flight. The sender
 * takes a batch with {@link next} and then calls {@link confirm} or {@link repeat}; the server recognises a repetition.
 */
export class RedisSettler {
  #queue: Settled[] = [];
  #inFlight: readonly Settled[] = [];
  #isSending = false;
  #isClosed = false;
  #failures = 0;
  #idleWaiters: (() => void)[] = [];

  /** Settlements that the server has not confirmed. */
  get unconfirmed(): number {
    return this.#queue.length + this.#inFlight.length;
  }

  /** A batch is in flight, or waits to be repeated; the next batch follows it. */
  get isSending(): boolean {
    return this.#isSending;
  }

  /** False once it is closed, and the item is dropped. */
  add(item: InFlightEntry, settlement: Settlement): boolean {
    if (!this.#isClosed) this.#queue.push({ item, settlement });
    return !this.#isClosed;
  }

  /** The next batch to send: none while another is in flight, and when nothing waits. */
  next(): readonly Settled[] | undefined {
    if (this.#isSending || this.#queue.length === 0) return undefined;
    this.#isSending = true;
    this.#inFlight = this.#queue.splice(0, MAX_BATCH);
    return this.#inFlight;
  }

  /** The server has the batch. */
  confirm(): void {
    this.#failures = 0;
    this.#ended();
  }

  /** The server may not have the batch. Resolves when it may be sent again, or with what is dropped once this is closed. */
  async repeat(): Promise<readonly Settled[]> {
    this.#queue = [...this.#inFlight, ...this.#queue];
    this.#inFlight = [];
    await pause(backoffMs(this.#failures++, REPEAT_BACKOFF));
    const dropped = this.#isClosed ? this.#queue.splice(0) : [];
    this.#ended();
    return dropped;
  }

  /** Resolves when the server has confirmed everything that waits or is in flight. */
  idle(): Promise<void> {
    if (this.unconfirmed === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Drops the settlements that the server has not confirmed, and returns them; the server delivers their messages again. */
  close(): readonly Settled[] {
    this.#isClosed = true;
    return this.#queue.splice(0);
  }

  #ended(): void {
    this.#inFlight = [];
    this.#isSending = false;
    if (this.#queue.length > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

/**
 * Ids of acknowledged entries of the topic's stream about which nothing else is kept: for these XACK is enough, which costs the
 * server a tenth of a script. Undefined when any settlement needs more.
 */
export function plainAcknowledgements(settled: readonly Settled[], hasLocks: boolean): string[] | undefined {
  const ids: string[] = [];
  for (const { item, settlement } of settled) {
    if (settlement.kind !== 'ack' || item.origin.source !== 1 || item.crashes > 0) return undefined;
    if (hasLocks && item.message.key !== undefined) return undefined;
    ids.push(item.entryId);
  }
  return ids;
}

/** Seven arguments a settlement, in the order of the script. */
export function settlementArguments(settled: readonly Settled[]): Argument[] {
  return settled.flatMap(
    ({ item: { origin, entryId, message, attempt, crashes }, settlement }): Argument[] => {
      const key = message.key === undefined ? '' : `=${message.key}`;
      const about = [origin.source, entryId, key, crashes > 0 ? 1 : 0];
      if (settlement.kind === 'ack') return [...about, '', '', ''];
      const headers = settlement.headers ? { ...message.headers, ...settlement.headers } : message.headers;
      const delayMs = Math.max(0, Math.ceil(settlement.delayMs));
      return [...about, delayMs, attempt + 1, JSON.stringify(headers)];
    },
  );
}
