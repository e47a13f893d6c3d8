/** Delay queues have these times: powers of two from the shortest to the longest. */
const SHORTEST_MS = 64;
const LONGEST_MS = 2 ** 31;
/** A delay may take longer by this fraction of it. */
export const TOLERANCE = 1 / 16;

/**
 * The next step of a delay; undefined when the message is due.
 *
 * Any delay, rounded up a little, is a sum of few powers of two. Each queue then holds messages of one time only, so none is
 * blocked by a later one. The remaining time is computed again after each step, so that late steps do not add up.
 *
 * @param delayMs the whole delay, which determines the precision.
 */
export function nextWaitMs(leftMs: number, delayMs: number): number | undefined {
  if (leftMs <= 0) return undefined;
  const unit = Math.max(SHORTEST_MS, delayMs * TOLERANCE);
  const rounded = Math.ceil(leftMs / unit) * unit;
  const power = 2 ** Math.floor(Math.log2(rounded));
  return Math.min(Math.max(power, SHORTEST_MS), LONGEST_MS);
}

/** The wanted level, or the next shorter, or else the next longer one whose queue is not stuck. */
export function passableMs(wantedMs: number, isStuck: (waitMs: number) => boolean): number {
  const shorter = DELAY_LEVELS.filter((level) => level <= wantedMs).reverse();
  const longer = DELAY_LEVELS.filter((level) => level > wantedMs);
  return [...shorter, ...longer].find((level) => !isStuck(level)) ?? wantedMs;
}

/** Every level of a delay queue. */
export const DELAY_LEVELS: readonly number[] = Array.from(
  { length: 26 },
  (_, level) => SHORTEST_MS * 2 ** level,
);
