import type { FailedAttempt } from '../ports/dead-letter-store.js';
import { FORGET_AFTER_MS, StoreOutage } from '../dead-letters/store-outage.js';
import type { Clock } from '../ports/transport.js';
import type { DeliveryInProgress } from './delivery-in-progress.js';
import type { FailureOutcome } from './outcome.js';

const MAX_ENTRIES = 10_000;

/** How a message failed whose dead letter could not be stored. */
export interface Unparked {
  readonly outcome: FailureOutcome;
  /** The attempt that failed; absent when the handler was not run. */
  readonly failed: FailedAttempt | undefined;
  /** First and latest try to park it, on the monotonic clock. */
  readonly since: number;
  readonly seenAt: number;
}

/**
 * Remembers how messages failed that could not be parked, so that their next delivery is parked without running the
 * handler once more. In this process only: another one runs the handler.
 */
export class UnparkedMessages {
  readonly #entries = new Map<string, Unparked>();
  /** Of any message: more can wait than are remembered. */
  readonly #outage: StoreOutage;

  constructor(private readonly clock: Clock) {
    this.#outage = new StoreOutage(clock);
  }

  of(handling: DeliveryInProgress): Unparked | undefined {
    if (this.#entries.size === 0) return undefined;
    const unparked = this.#entries.get(keyOf(handling));
    // One that is not seen again for so long belongs to a message that another process has parked.
    const isOld = unparked !== undefined && this.clock.monotonic() - unparked.seenAt > FORGET_AFTER_MS;
    return isOld ? undefined : unparked;
  }

  /** Returns how long the message has to wait. */
  add(handling: DeliveryInProgress, failure: Pick<Unparked, 'outcome' | 'failed'>): number {
    const seenAt = this.clock.monotonic();
    const since = this.of(handling)?.since ?? seenAt;
    const key = keyOf(handling);
    this.#entries.delete(key); // moves it behind those that were not seen for longer
    this.#entries.set(key, { ...failure, since, seenAt });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
    return this.#outage.failed(since);
  }

  /** It was parked. */
  delete(handling: DeliveryInProgress): void {
    this.#outage.over();
    if (this.#entries.size > 0) this.#entries.delete(keyOf(handling));
  }
}

/** A replay has an entry of its own: its handler must run. */
function keyOf({ entry, delivery, attempt, replayOf }: DeliveryInProgress): string {
  return JSON.stringify([entry.topic, entry.group, delivery.message.id, attempt, replayOf ?? '']);
}
