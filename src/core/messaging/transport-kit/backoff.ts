import { awaitedClock } from '../ports/clock.js';
import type { Clock } from '../ports/transport.js';

/** How waits between tries grow. */
export interface BackoffRange {
  /** Longest wait after the first failure. Doubles with every further one. */
  readonly minMs: number;
  readonly maxMs: number;
}

/** 2 ** 30 steps are past every ceiling; larger exponents would overflow to Infinity. */
const MAX_DOUBLINGS = 30;

/**
 * Milliseconds to wait before the next try: any part of the step, so that those that failed together do not come back
 * together ("full jitter", Brooker, Exponential Backoff And Jitter, 2015).
 *
 * @param failures tries that have failed before the last one: 0 waits for up to `minMs`.
 */
export function backoffMs(failures: number, range: BackoffRange, random: () => number = Math.random): number {
  return Math.round(doubledMs(failures, range) * random());
}

/** `minMs`, doubled with every failure, up to `maxMs`. For an interval that grows; {@link backoffMs} is for tries. */
export function doubledMs(failures: number, { minMs, maxMs }: BackoffRange): number {
  return Math.min(minMs * 2 ** Math.min(failures, MAX_DOUBLINGS), maxMs);
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

/** {@link pauseWhile} asks this often whether the wait is still wanted. */
const NOTICED_MS = 1_000;

/** Like {@link pause}, for waits of minutes: it ends early once `isWanted` returns false. */
export async function pauseWhile(
  isWanted: () => boolean,
  delayMs: number,
  clock?: Pick<Clock, 'schedule'>,
): Promise<void> {
  for (let leftMs = delayMs; leftMs > 0 && isWanted(); leftMs -= NOTICED_MS)
    await pause(Math.min(leftMs, NOTICED_MS), clock);
}
