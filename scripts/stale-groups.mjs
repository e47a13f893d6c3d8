import { sinceText } from './full-runs.mjs';

const MINUTE_MS = 60_000;
/** A group that cannot finish by then does not start. */
const PLAN_UNTIL_MS = 40 * MINUTE_MS;
/** A group that still runs then is stopped. */
export const END_AT_MS = 60 * MINUTE_MS;
/** Assumed for a group without a recorded time. */
const UNKNOWN_MS = 20 * MINUTE_MS;
/** This machine may be slower than the one of the recorded time. */
const SLOWNESS = 2;

/**
 * Runs groups whose last full run is out of date, cheapest first, while there is time. Resolves with the counts of
 * those that were run to the end, and a line for each that was not.
 *
 * @param groups as `FullRuns.stale` has them
 * @param elapsedMs returns the time since the start of the whole run
 * @param runOne runs a group and resolves with its counts, or undefined when it was stopped
 */
export async function runStale(groups, { elapsedMs, runOne }) {
  const counts = [];
  const left = [];
  for (const group of [...groups].sort((a, b) => expectedMs(a) - expectedMs(b))) {
    const fits = elapsedMs() + expectedMs(group) <= PLAN_UNTIL_MS;
    const count = fits ? await runOne(group) : undefined;
    if (count === undefined) left.push(`stale: ${group.name} (${sinceText(group)})`);
    else counts.push({ name: group.name, ...count });
  }
  return { counts, left };
}

function expectedMs({ last }) {
  return last?.seconds === undefined ? UNKNOWN_MS : SLOWNESS * last.seconds * 1_000;
}
