import { writeSync } from 'node:fs';
import type { LoadResult } from '../support/transport-load.js';

const STANDARD_ERROR = 2;

/** What a fault did, for people: past Jest, which keeps what tests say to itself where they run silently. */
export function report(fault: string, line: string): void {
  writeSync(STANDARD_ERROR, `  ${fault}: ${line}\n`);
}

/** The figures of a load in one line. */
export function explainLoss(
  { accepted, unknown, unavailable, handled, longestGapMs }: LoadResult,
  lost: readonly string[],
): string {
  const twice = [...handled.values()].filter((times) => times > 1).length;
  return (
    `${accepted.size} accepted, ${lost.length} of them lost, ${twice} handled twice, ` +
    `${unknown.size} unknown, ${unavailable.size} unavailable, longest gap ${Math.round(longestGapMs)} ms`
  );
}
