/** Queues for waiting have these times, doubled again and again. */
const SHORTEST_MS = 64;
const LONGEST_MS = 2 ** 31;
/** A delay may take longer by this part of it. */
export const TOLERANCE = 1 / 16;

/**
 * How long a message waits next; undefined when its time has come.
 *
 * Any delay is a sum of few powers of two once it is rounded up a little: a queue then holds only messages that wait
 * equally long, and none waits behind a later one. What is left is judged anew after each step, so that steps that take
 * longer do not add up.
 *
 * @param delayMs the delay that was asked for, which says how exact it has to be.
 */
export function nextWaitMs(leftMs: number, delayMs: number): number | undefined {
  if (leftMs <= 0) return undefined;
  const unit = Math.max(SHORTEST_MS, delayMs * TOLERANCE);
  const rounded = Math.ceil(leftMs / unit) * unit;
  const power = 2 ** Math.floor(Math.log2(rounded));
  return Math.min(Math.max(power, SHORTEST_MS), LONGEST_MS);
}

/** As long as wanted, or shorter, or else longer: the first time whose queue hands on what waits there. */
export function passableMs(wantedMs: number, isStuck: (waitMs: number) => boolean): number {
  const shorter = DELAY_LEVELS.filter((level) => level <= wantedMs).reverse();
  const longer = DELAY_LEVELS.filter((level) => level > wantedMs);
  return [...shorter, ...longer].find((level) => !isStuck(level)) ?? wantedMs;
}

/** Every time that a queue for waiting may have. */
export const DELAY_LEVELS: readonly number[] = Array.from(
  { length: 26 },
  (_, level) => SHORTEST_MS * 2 ** level,
);
