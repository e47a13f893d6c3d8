/** Waits in memory of the process that reads it, to the millisecond. */
const SHORT = 'short';
const SHORTEST_MS = 8_000;
const FACTOR = 4;
const LEVELS = 10;

/** Waits of the wait topics, 8 s to 24 days. All messages of a topic wait equally long, so that none waits behind a later one. */
const LEVELS_MS: readonly number[] = Array.from(
  { length: LEVELS },
  (_, level) => SHORTEST_MS * FACTOR ** level,
);

/** A topic in which messages wait. */
export interface DelayLevel {
  readonly name: string;
  /** Each waits so long here; undefined where it waits until it is due. */
  readonly waitMs: number | undefined;
}

export const DELAY_LEVELS: readonly DelayLevel[] = [
  { name: SHORT, waitMs: undefined },
  ...LEVELS_MS.map((waitMs) => ({ name: `${waitMs / 1_000}s`, waitMs })),
];

/** The level at which a message waits next; the rest of its delay is assigned afterwards. */
export function delayLevelOf(leftMs: number): DelayLevel {
  let found = DELAY_LEVELS[0] as DelayLevel;
  // The short tier takes up to twice its neighbour, so that few messages need a last short step.
  for (const tier of DELAY_LEVELS)
    if (tier.waitMs !== undefined && leftMs >= (tier.waitMs === SHORTEST_MS ? 2 * SHORTEST_MS : tier.waitMs))
      found = tier;
  return found;
}
