import type { Clock } from '../ports/transport.js';

/** Bounds of the wait before a message whose dead letter was not stored is tried again. */
const MIN_DELAY_MS = 1_000;
const MAX_DELAY_MS = 300_000;
/** Without a failure for this long, what keeps the store from taking dead letters has ended. */
export const FORGET_AFTER_MS = 4 * MAX_DELAY_MS;

/**
 * How long the store has kept no dead letter, of any message. Each wait is as long as the outage has lasted so far, so that
 * waits double, and a store that stays full is asked every five minutes.
 */
export class StoreOutage {
  /** First and latest failure since it has last kept one, on the monotonic clock. */
  #failures: { readonly since: number; readonly lastAt: number } | undefined;

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {}

  /**
   * Notes a failure.
   *
   * @param since when the message failed for the first time.
   * @returns how long to wait, in ms.
   */
  failed(since = this.clock.monotonic()): number {
    const now = this.clock.monotonic();
    const before = this.#failures;
    const isSame = before !== undefined && now - before.lastAt <= FORGET_AFTER_MS;
    this.#failures = { since: isSame ? before.since : now, lastAt: now };
    const waitedMs = now - Math.min(since, this.#failures.since);
    return Math.ceil(Math.min(Math.max(waitedMs, MIN_DELAY_MS), MAX_DELAY_MS));
  }

  /** It has kept one. */
  over(): void {
    this.#failures = undefined;
  }
}
