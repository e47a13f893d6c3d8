import { ManualClock } from '../../../exports/testing.js';
import { backoffMs, doubledMs, pause, spreadMs } from './backoff.js';

describe('a backoff', () => {
  const range = { minMs: 50, maxMs: 2_000 } as const;
  const failures = [0, 1, 2, 5, 6, 1_000];
  const steps = [50, 100, 200, 1_600, 2_000, 2_000];

  it('has steps that double up to a ceiling', () => {
    expect(failures.map((count) => doubledMs(count, range))).toEqual(steps);
  });

  it('waits for any part of its step', () => {
    expect(failures.map((count) => backoffMs(count, range, () => 1))).toEqual(steps);
    expect(failures.map((count) => backoffMs(count, range, () => 0))).toEqual(steps.map(() => 0));
  });

  it('spreads those that failed together over the whole step', () => {
    const waits = Array.from({ length: 1_000 }, () => backoffMs(5, range));
    const busiest = Math.max(
      ...Array.from({ length: 16 }, (_, part) => waits.filter((ms) => Math.floor(ms / 100) === part).length),
    );
    expect(busiest).toBeLessThan(130); // 62 in each tenth of a second on average
  });
});

it('a spread interval stays within its share', () => {
  const intervals = Array.from({ length: 1_000 }, () => spreadMs(100, 0.25));
  expect(Math.min(...intervals)).toBeGreaterThanOrEqual(75);
  expect(Math.max(...intervals)).toBeLessThanOrEqual(125);
  expect(Math.max(...intervals) - Math.min(...intervals)).toBeGreaterThan(25);
});

it('a pause ends when its time is over, and not before', async () => {
  const clock = new ManualClock();
  let isOver = false;
  void pause(100, clock).then(() => (isOver = true));
  await clock.advance(99);
  expect(isOver).toBe(false);
  await clock.advance(1);
  expect(isOver).toBe(true);
});
