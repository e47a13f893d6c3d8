import { TOLERANCE } from '../topology/delay-levels.js';
import type { Delay } from '../wire/message-codec.js';

/** A healthy queue delivers within this time. */
const GRACE_MS = 5_000;
/** Checks without a decrease after which a queue may be blocked; one that is busy decreases now and then. */
const MIN_CHECKS = 2;

/** Checks of a queue in which its depth has not decreased. */
interface Stall {
  readonly messages: number;
  readonly checks: number;
  /** The first of them, on the monotonic clock. */
  readonly since: number;
}

/** Delay queues whose depth has not decreased for longer than their messages wait. The time of day plays no part in it. */
export class StalledQueues {
  readonly #stalls = new Map<string, Stall>();

  /**
   * Records a check.
   *
   * @param now on the monotonic clock.
   * @returns for how long it has been stalled; undefined while it may be healthy.
   */
  observe(
    name: string,
    { levelMs, messages }: { readonly levelMs: number; readonly messages: number },
    now: number,
  ): number | undefined {
    const before = this.#stalls.get(name);
    if (messages === 0) this.#stalls.delete(name);
    else if (before === undefined || messages < before.messages)
      this.#stalls.set(name, { messages, checks: 1, since: now });
    else {
      const { checks, since } = before;
      this.#stalls.set(name, { messages, checks: checks + 1, since });
      const isLong = now - since >= levelMs * (1 + TOLERANCE) + GRACE_MS;
      if (isLong && checks + 1 >= MIN_CHECKS) return now - since;
    }
    return undefined;
  }

  forget(name: string): void {
    this.#stalls.delete(name);
  }
}

/**
 * What a message at the head of a stalled queue has still to wait there: nothing when it is overdue, and the whole time when the
 * clocks of the processes differ, because it cannot be overdue for longer than the queue is stalled.
 *
 * @param of `nowMs` since 1970; `maxOverdueMs` for how long it can be overdue at most.
 */
export function restOfWaitMs(
  { dueAt, leftMs = 0 }: Pick<Delay, 'dueAt' | 'leftMs'>,
  of: { readonly nowMs: number; readonly levelMs: number; readonly maxOverdueMs: number },
): number {
  const overdueMs = of.nowMs - (dueAt - leftMs);
  const isPossible = overdueMs <= of.maxOverdueMs && overdueMs >= -of.levelMs;
  return isPossible ? Math.max(0, -overdueMs) : of.levelMs;
}
