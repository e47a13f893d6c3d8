import { restOfWaitMs, StalledQueues } from './stalled-queues.js';

const HOUR_MS = 3_600_000;

describe('A delay queue', () => {
  const observed = (levelMs: number, depths: readonly number[]): (number | undefined)[] => {
    const queues = new StalledQueues();
    return depths.map((messages, check) => queues.observe('q', { levelMs, messages }, check * 10_000));
  };

  it('is stalled when its depth has not decreased for longer than its messages wait', () => {
    expect(observed(64, [2, 3])).toEqual([undefined, 10_000]);
    expect(observed(32_768, [1, 1, 1, 1, 1])).toEqual([undefined, undefined, undefined, undefined, 40_000]);
  });

  it('is not while its depth decreases now and then', () => {
    expect(observed(64, [3, 2, 1, 0, 1, 0])).toEqual(Array(6).fill(undefined));
    expect(observed(32_768, [2, 2, 2, 1, 1, 1])).toEqual(Array(6).fill(undefined));
  });
});

describe('A message at the head of a stalled queue', () => {
  const rest = (dueAt: number, leftMs?: number): number =>
    restOfWaitMs(
      { dueAt, ...(leftMs === undefined ? {} : { leftMs }) },
      { nowMs: 10 * HOUR_MS, levelMs: 8_000, maxOverdueMs: 60_000 },
    );
  const now = 10 * HOUR_MS;

  it('that is overdue waits no longer', () => {
    expect(rest(now - 30_000)).toBe(0);
    expect(rest(now + 20_000, 21_000)).toBe(0);
  });

  it('that is not, waits for the rest', () => {
    expect(rest(now + 3_000)).toBe(3_000);
    expect(rest(now + 5_000, 1_000)).toBe(4_000);
  });

  it.each([
    ['ahead', now + HOUR_MS],
    ['behind', now - HOUR_MS],
  ])('waits once more when a clock is an hour %s', (_, dueAt) => {
    expect(rest(dueAt)).toBe(8_000);
  });
});
