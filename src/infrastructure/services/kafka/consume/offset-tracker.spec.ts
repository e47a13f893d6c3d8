import { seededRandom } from '../../../../../test/support/seeded-random.js';
import { OffsetTracker, type Taken } from './offset-tracker.js';

it.each([1, 2, 3])('commits up to the first offset that is not settled, over gaps (seed %d)', (seed) => {
  const random = seededRandom(seed);
  const tracker = new OffsetTracker(100);
  const open = new Map<number, Taken>();
  let next = 100;
  for (let step = 0; step < 5_000; step++) {
    if (random(2) === 0 || open.size === 0) {
      next += random(4) === 0 ? random(5) : 0; // compaction, control records
      open.set(next, tracker.take(next, 'm'));
      next += 1;
    } else {
      const [offset, taken] = [...open][random(open.size)]!;
      open.delete(offset);
      tracker.settle(taken);
    }
    expect(tracker.position).toBe(Math.min(next, ...open.keys()));
    expect(tracker.unsettled).toBe(open.size);
  }
});

it('settles once, and returns whether more can be committed', () => {
  const tracker = new OffsetTracker(0);
  const [first, second] = [tracker.take(0, 'm'), tracker.take(1, 'm')];
  expect(tracker.settle(second)).toBe(false);
  expect(tracker.settle(second)).toBe(false);
  expect(tracker.settle(first)).toBe(true);
  expect([tracker.position, tracker.unsettled, tracker.span]).toEqual([2, 0, 0]);
});

it('skips what does not exist', () => {
  const tracker = new OffsetTracker(5);
  tracker.skipTo(9);
  tracker.skipTo(7);
  expect([tracker.next, tracker.position]).toEqual([9, 9]);
});

it('lists what is settled behind the position, as distances and lengths', () => {
  const tracker = new OffsetTracker(10);
  const all = [10, 11, 12, 15, 16, 17].map((offset) => tracker.take(offset, 'm'));
  for (const index of [1, 2, 4]) tracker.settle(all[index]!);
  expect(tracker.settledAhead(10)).toEqual([1, 2, 3, 1]); // 11-12 and 16
  expect(tracker.settledAhead(1)).toEqual([1, 2]);
});
