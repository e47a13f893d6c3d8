import { sinceText } from './full-runs.mjs';

const MINUTE_MS = 60_000;
/** What is not done by then is left over. */
const PLAN_UNTIL_MS = 40 * MINUTE_MS;
/** What still runs then is ended. */
export const END_AT_MS = 60 * MINUTE_MS;
/** Of a group whose time nobody knows. */
const UNKNOWN_MS = 20 * MINUTE_MS;
/** A machine may be slower than the one of the recorded time. */
const SLOWNESS = 2;

/**
 * Runs groups whose last full run is out of date, cheapest first, while there is time. Resolves with the counts of those that
 * were run to the end, and a line for each that was not.
 *
 * @param groups as `FullRuns.stale` has them
 * @param elapsedMs tells the time since the whole run began
 * @param runOne runs a group and resolves with its counts, or undefined when it had to be ended
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
