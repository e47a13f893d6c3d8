import { backoffMs, pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { retriedMessage } from '../../../../core/messaging/transport-kit/hand-over.js';
import type { Settlement } from '../../../../core/messaging/ports/transport.js';
import { type Argument, bytesOf } from '../scripts/script-call.js';
import type { InFlightEntry } from '../wire/stream-entry.js';

/** Settlements that go to the server in one step, and bytes of the bodies of retries among them. */
const MAX_BATCH = 250;
const MAX_BATCH_BYTES = 512 * 1024;
const REPEAT_BACKOFF = { minMs: 50, maxMs: 1_000 } as const;

/** A message in flight, and its settlement. */
export interface Settled {
  readonly item: InFlightEntry;
  readonly settlement: Settlement;
}

/** Settlements that go to the server in one step. A repetition has the same number. */
export interface SettledBatch {
  readonly number: number;
  readonly settled: readonly Settled[];
}

/**
 * Queue of settlements, sent in batches: one at a time, with all that were added while the previous one was in flight. The sender
 * takes a batch with {@link next} and then calls {@link confirm} or {@link repeat}; the server recognises a repetition.
 */
export class RedisSettler {
  #queue: Settled[] = [];
  #inFlight: SettledBatch | undefined;
  /** Goes next, as it was: the server may have executed it. */
  #repeated: SettledBatch | undefined;
  #number = 0;
  #isSending = false;
  #isClosed = false;
  #failures = 0;
  #idleWaiters: (() => void)[] = [];

  /** Settlements that the server has not confirmed. */
  get unconfirmed(): number {
    return this.#queue.length + (this.#inFlight ?? this.#repeated ?? NONE).settled.length;
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
  next(): SettledBatch | undefined {
    if (this.#isSending || this.unconfirmed === 0) return undefined;
    this.#isSending = true;
    this.#inFlight = this.#repeated ?? {
      number: (this.#number += 1),
      settled: this.#queue.splice(0, endOfBatch(this.#queue)),
    };
    this.#repeated = undefined;
    return this.#inFlight;
  }

  /** The server has the batch. */
  confirm(): void {
    this.#failures = 0;
    this.#ended();
  }

  /** The server may not have the batch. Resolves when it may be sent again, or with what is dropped once this is closed. */
  async repeat(): Promise<readonly Settled[]> {
    this.#repeated = this.#inFlight;
    this.#inFlight = undefined;
    await pause(backoffMs(this.#failures++, REPEAT_BACKOFF));
    const dropped = this.#isClosed ? this.#takeAll() : [];
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

  #takeAll(): Settled[] {
    const repeated = this.#repeated?.settled ?? [];
    this.#repeated = undefined;
    return [...repeated, ...this.#queue.splice(0)];
  }

  #ended(): void {
    this.#inFlight = undefined;
    this.#isSending = false;
    if (this.unconfirmed > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

const NONE: SettledBatch = { number: 0, settled: [] };

function endOfBatch(queue: readonly Settled[]): number {
  const most = Math.min(queue.length, MAX_BATCH);
  let bytes = 0;
  for (let end = 0; end < most; end += 1) {
    const { item, settlement } = queue[end] as Settled;
    if (settlement.kind === 'retry') bytes += item.message.body.length;
    if (bytes > MAX_BATCH_BYTES && end > 0) return end;
  }
  return most;
}

/**
 * Ids of acknowledged entries of the topic's stream about which nothing else is kept: for these XACK is enough, which costs the
 * server a tenth of a script. Undefined when any settlement needs more.
 */
export function plainAcknowledgements(settled: readonly Settled[], hasLocks: boolean): string[] | undefined {
  const ids: string[] = [];
  for (const { item, settlement } of settled) {
    if (settlement.kind !== 'ack' || item.origin.source !== 1 || item.crashes > 0) return undefined;
    if (hasLocks && item.lockKey !== undefined) return undefined;
    ids.push(item.entryId);
  }
  return ids;
}

/** In the order of the script. A retry brings its message, because another client may have removed the entry. */
export function settlementArguments(settled: readonly Settled[]): Argument[] {
  return settled.flatMap(({ item, settlement }): Argument[] => {
    const { origin, entryId, lockKey, crashes } = item;
    const about = [origin.source, entryId, keyArgument(lockKey), crashes > 0 ? 1 : 0];
    if (settlement.kind === 'ack') return [...about, ''];
    const { id, headers, body, key } = retriedMessage(item.message, settlement);
    const delayMs = Math.max(0, Math.ceil(settlement.delayMs));
    const text = JSON.stringify(headers);
    return [...about, delayMs, nextAttempt(item, settlement), id, text, bytesOf(body), keyArgument(key)];
  });
}

/** A retry that counts no attempt keeps its number. */
function nextAttempt({ attempt }: InFlightEntry, { countsAttempt }: Settlement & { kind: 'retry' }): number {
  return countsAttempt === false ? attempt : attempt + 1;
}

/** With "=" before it, because a key may be empty; empty without a key. */
function keyArgument(key: string | Buffer | undefined): Argument {
  if (key === undefined) return '';
  return typeof key === 'string' ? `=${key}` : Buffer.concat([EQUALS, key]);
}

const EQUALS = Buffer.from('=');
