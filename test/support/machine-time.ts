import { watchSlowdown as watchSlowdownBy } from '../../src/testing/conformance/slowdown.js';

/** What {@link work} takes on a machine of the kind for which limits are written down, when nothing else runs on it. */
const WORK_MS = 8;
const STEPS = 4_000_000;
const MEASURED_EVERY_MS = 1_000;
/** A machine that is slower still is of no use for tests. */
const MAX_SLOWDOWN = 30;

/** Read at import, because a test that fakes timers replaces it later. */
export const wallNow = performance.now.bind(performance);

let total = 0;
let last: { readonly atMs: number; readonly slowdown: number } | undefined;

/**
 * Milliseconds that pass as slowly as this machine works: where a process gets half a core, or a core is half as quick, one of them takes two
 * of the wall. Limits of tests are written in these, because a wall clock measures who else uses the machine.
 */
export function machineNow(): number {
  const now = wallNow();
  if (last && now - last.atMs < MEASURED_EVERY_MS) return total + (now - last.atMs) / last.slowdown;
  if (!last) work(); // until it is compiled
  const slowdown = measured();
  const atMs = wallNow();
  if (last) total += (atMs - last.atMs) / ((last.slowdown + slowdown) / 2);
  last = { atMs, slowdown };
  return total;
}

/** How many times longer than on a quiet machine things have taken, from when it was called. */
export const watchSlowdown = (): (() => number) => watchSlowdownBy(machineNow);

function measured(): number {
  const from = wallNow();
  work();
  return Math.min(MAX_SLOWDOWN, Math.max(1, (wallNow() - from) / WORK_MS));
}

function work(): number {
  let x = 1;
  for (let step = 0; step < STEPS; step++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}
