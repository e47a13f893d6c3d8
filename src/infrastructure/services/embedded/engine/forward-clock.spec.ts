import { ForwardClock } from './forward-clock.js';

const BEGIN = 1_790_000_000_000;
const machine = { wall: BEGIN, monotonic: 5 };
const pass = (ms: number, jumpMs = 0): void => {
  machine.wall += ms + jumpMs;
  machine.monotonic += ms;
};
const clockOfMachine = {
  now: () => machine.wall,
  monotonic: () => machine.monotonic,
  schedule: () => () => undefined,
};

/** What it says after each step, from its beginning. */
function told(steps: readonly (readonly [passMs: number, jumpMs?: number])[]): number[] {
  Object.assign(machine, { wall: BEGIN, monotonic: 5 });
  const clock = new ForwardClock(clockOfMachine);
  return steps.map(([passMs, jumpMs]) => {
    pass(passMs, jumpMs);
    return clock.now() - BEGIN;
  });
}

it('goes as the machine does', () => {
  expect(told([[10], [3_600_000], [5]])).toEqual([10, 3_600_010, 3_600_015]);
});

it('continues where the machine is set back, also more than once', () => {
  expect(told([[10, -120_000], [10], [10, -5_000], [10]])).toEqual([10, 20, 30, 40]);
});

it('goes forward with the machine, by what it is ahead of it', () => {
  expect(told([[10, 120_000], [10], [10, -120_000], [10]])).toEqual([120_010, 120_020, 120_030, 120_040]);
  expect(told([[10, -60_000], [10, 50_000], [10, 50_000], [10]])).toEqual([10, 20, 40_030, 40_040]);
});

it('follows a clock that is kept right by little', () => {
  expect(
    told([
      [10_000, -900],
      [10_000, -900],
      [10_000, 900],
    ]),
  ).toEqual([9_100, 18_200, 29_100]);
});
