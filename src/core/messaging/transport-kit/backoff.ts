import { awaitedClock } from '../ports/clock.js';
import type { Clock } from '../ports/transport.js';

/** How waits between tries grow. */
export interface BackoffRange {
  /** After the first failure. Doubles with every further one. */
  readonly minMs: number;
  readonly maxMs: number;
  /**
   * What of the wait is random, so that those that failed together do not come back together ("full jitter" and "equal
   * jitter", Brooker, Exponential Backoff And Jitter, 2015). `half` where a wait of nothing would make a hot loop.
   */
  readonly jitter: 'full' | 'half' | 'none';
}

const RANDOM_SHARE = { full: 1, half: 0.5, none: 0 } as const;
/** 2 ** 30 steps are past every ceiling; larger exponents would overflow to Infinity. */
const MAX_DOUBLINGS = 30;

/**
 * Milliseconds to wait before the next try.
 *
 * @param failures tries that have failed before the last one: 0 waits for about `minMs`.
 */
export function backoffMs(
  failures: number,
  { minMs, maxMs, jitter }: BackoffRange,
  random: () => number = Math.random,
): number {
  const ceilingMs = Math.min(minMs * 2 ** Math.min(failures, MAX_DOUBLINGS), maxMs);
  const share = RANDOM_SHARE[jitter];
  return Math.round(share === 0 ? ceilingMs : ceilingMs * (1 - share + share * random()));
}

/** About `intervalMs`: up to `share` of it less or more, so that processes do not act in step. */
export function spreadMs(intervalMs: number, share: number): number {
  return intervalMs * (1 - share + 2 * share * Math.random());
}

/**
 * Resolves after the time.
 *
 * @param clock times it. Without one, the machine's timers do, and keep the process alive meanwhile.
 */
export function pause(delayMs: number, clock: Pick<Clock, 'schedule'> = awaitedClock): Promise<void> {
  return new Promise((resolve) => clock.schedule(delayMs, resolve));
}
