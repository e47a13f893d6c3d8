import { seededRandom } from '../../../../../test/support/seeded-random.js';
import { nextWaitMs, passableMs, DELAY_LEVELS } from './delay-levels.js';

const DAY_MS = 86_400_000;

/** Waits until the time has come, each step late by so much. */
function waitFor(delayMs: number, latenessMs = 0): { readonly tookMs: number; readonly steps: number } {
  let tookMs = 0;
  for (let steps = 0; ; steps += 1) {
    const next = nextWaitMs(delayMs - tookMs, delayMs);
    if (next === undefined) return { tookMs, steps };
    expect(DELAY_LEVELS).toContain(next);
    tookMs += next + latenessMs;
  }
}

describe('nextWaitMs', () => {
  it('is never early, and late by at most 64 ms or a sixteenth', () => {
    const random = seededRandom(7);
    const some = Array.from({ length: 2_000 }, () => 2 ** ((random(1e9) / 1e9) * Math.log2(40 * DAY_MS)));
    for (const delayMs of [1, 63, 64, 65, 100, 1_000, 60_000, 30 * DAY_MS, ...some.map(Math.round)]) {
      const { tookMs, steps } = waitFor(delayMs);
      expect(tookMs).toBeGreaterThanOrEqual(delayMs);
      expect(tookMs - delayMs).toBeLessThanOrEqual(Math.max(64, delayMs / 16));
      expect(steps).toBeLessThanOrEqual(6);
    }
  });

  it('makes up for steps that take longer', () => {
    const { tookMs } = waitFor(10_000, 40);
    expect(tookMs - 10_000).toBeLessThanOrEqual(10_000 / 16 + 40);
  });

  it('has nothing to wait for when the time has come', () => {
    expect([nextWaitMs(0, 5), nextWaitMs(-1, 5)]).toEqual([undefined, undefined]);
  });
});

describe('passableMs', () => {
  it.each([
    ['what is wanted', 256, [128], 256],
    ['the next shorter one', 256, [256, 128], 64],
    ['a longer one when there is no shorter', 128, [128, 64], 256],
    ['what is wanted when nothing works', 64, DELAY_LEVELS, 64],
  ])('chooses %s', (_, wantedMs, stuck, chosenMs) => {
    expect(passableMs(wantedMs, (waitMs) => stuck.includes(waitMs))).toBe(chosenMs);
  });
});
