import type { Clock } from '../../../../core/messaging/ports/transport.js';

/** Kept twice, so that an estimate is at most two times as old: clocks run at different rates. */
const WINDOW_MS = 300_000;
const FRESH_MS = 60_000;

/**
 * The time of day of the brokers, from the times at which they stored records. Never ahead of it as long as theirs does not step
 * back: a record that exists was stored before now. The time of day of this process has no part in it, because it may be wrong.
 */
export class BrokerClock {
  /** Milliseconds between the monotonic clock and the time of the brokers, at least. */
  #ahead = -Infinity;
  #aheadBefore = -Infinity;
  #windowAt = -Infinity;
  #seenAt = -Infinity;

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {}

  /**
   * @param storedAt that a broker has set on a record which is there now, in milliseconds since 1970. Ignored unless it is
   * above 0: brokers answer -1 for a topic that has the times of publishers.
   */
  seen(storedAt: number): void {
    if (!(storedAt > 0)) return;
    const at = this.clock.monotonic();
    if (at - this.#windowAt > WINDOW_MS) {
      this.#aheadBefore = this.#ahead;
      this.#ahead = -Infinity;
      this.#windowAt = at;
    }
    this.#ahead = Math.max(this.#ahead, storedAt - at);
    this.#seenAt = at;
  }

  get isFresh(): boolean {
    return this.clock.monotonic() - this.#seenAt <= FRESH_MS;
  }

  /** Milliseconds since a broker stored the record, at most as many as there were. 0 while nothing is known. */
  sinceMs(storedAt: number): number {
    const ahead = Math.max(this.#ahead, this.#aheadBefore);
    return Math.max(0, this.clock.monotonic() + ahead - storedAt);
  }
}
