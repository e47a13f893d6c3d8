import { ManualClock } from '../../../exports/testing.js';
import { backoffMs, pause, spreadMs } from './backoff.js';

describe('a backoff', () => {
  const range = { minMs: 50, maxMs: 2_000 } as const;

  it('doubles up to its ceiling', () => {
    const waits = [0, 1, 2, 5, 6, 1_000].map((failures) => backoffMs(failures, { ...range, jitter: 'none' }));
    expect(waits).toEqual([50, 100, 200, 1_600, 2_000, 2_000]);
  });

  it.each([
    ['full', 0, 100],
    ['half', 50, 100],
    ['none', 100, 100],
  ] as const)('with %s jitter is between %d and %d ms for a step of 100 ms', (jitter, least, most) => {
    expect(backoffMs(1, { ...range, jitter }, () => 0)).toBe(least);
    expect(backoffMs(1, { ...range, jitter }, () => 1)).toBe(most);
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
