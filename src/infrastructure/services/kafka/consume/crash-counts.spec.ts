import { FORMATS } from '../../../../core/messaging/ports/formats.js';
import { CrashCounts } from './crash-counts.js';
import { OffsetTracker } from './offset-tracker.js';

/** What the next owner finds after a death with these offsets delivered and settled. */
function death(
  metadata: string | null,
  position: number,
  fate: { handedOut: number; settled?: number[] },
): CrashCounts {
  const marks = CrashCounts.takeOver(position, metadata);
  const tracker = new OffsetTracker(position);
  for (let offset = position; offset < fate.handedOut; offset++) {
    const taken = tracker.take(offset, 'm');
    if (fate.settled?.includes(offset)) tracker.settle(taken);
  }
  marks.handOut(fate.handedOut);
  return CrashCounts.takeOver(tracker.position, marks.metadata(tracker, true));
}

const crashes = (marks: CrashCounts, ...offsets: number[]): number[] =>
  offsets.map((offset) => marks.crashesOf(offset));

it('counts a crash for delivered offsets and not for the rest', () => {
  const marks = death(null, 10, { handedOut: 13 });
  expect(crashes(marks, 9, 10, 12, 13)).toEqual([0, 1, 1, 0]);
  expect(marks.suspectsEnd).toBe(13);
});

it('adds crashes up, each for the offsets in flight at that time', () => {
  const first = death(null, 10, { handedOut: 14 });
  const metadata = first.metadata(new OffsetTracker(10), false);
  const second = death(metadata, 10, { handedOut: 12 });
  expect(crashes(second, 10, 11, 12, 13, 14)).toEqual([2, 2, 1, 1, 0]);
});

it('remembers what was settled out of order', () => {
  const marks = death(null, 10, { handedOut: 14, settled: [11, 13] });
  expect([10, 11, 12, 13, 14].map((offset) => marks.isSettled(offset))).toEqual([
    false,
    true,
    false,
    true,
    false,
  ]);
});

it('counts no crash for a process that has given its work back', () => {
  const marks = CrashCounts.takeOver(10, null);
  marks.handOut(20);
  const given = CrashCounts.takeOver(10, marks.metadata(new OffsetTracker(10), false));
  expect(crashes(given, 10, 15)).toEqual([0, 0]);
});

it('forgets crashes of what is settled', () => {
  const marks = death(null, 10, { handedOut: 13 });
  expect(marks.metadata(new OffsetTracker(13), true)).toBe(`{"v":${FORMATS.progress}}`);
});

it.each([null, '', 'nonsense', '[]', '{"h":"x","c":[[1,2]],"s":[-1]}', '{"c":7}'])(
  'takes nothing from foreign metadata: %s',
  (metadata) => {
    const marks = CrashCounts.takeOver(5, metadata);
    expect(crashes(marks, 5, 6)).toEqual([0, 0]);
    expect(marks.isSettled(5)).toBe(false);
  },
);

it('takes nothing from what a newer version has stored, and names its format', () => {
  const newer = JSON.stringify({ v: FORMATS.progress + 1, h: 9, c: [[5, 6, 1]], s: [1, 1] });
  const marks = CrashCounts.takeOver(5, newer);
  expect([marks.newerFormat, ...crashes(marks, 5, 6)]).toEqual([FORMATS.progress + 1, 0, 0]);
  expect(
    CrashCounts.takeOver(5, JSON.stringify({ v: FORMATS.progress, s: [1, 1] })).newerFormat,
  ).toBeUndefined();
});

it('stays within what Kafka takes, however much is settled out of order', () => {
  const tracker = new OffsetTracker(0);
  const marks = CrashCounts.takeOver(0, null);
  for (let offset = 0; offset < 20_000; offset++) {
    const taken = tracker.take(offset, 'm');
    if (offset % 2 === 1) tracker.settle(taken);
  }
  marks.handOut(20_000);
  expect(marks.metadata(tracker, true).length).toBeLessThan(4_096);
});

it('counts the settled offsets of a range', () => {
  const counts = CrashCounts.takeOver(100, JSON.stringify({ s: [2, 3, 5, 10] })); // 102 to 104, 110 to 119
  expect([
    counts.settledWithin(100, 120),
    counts.settledWithin(103, 112),
    counts.settledWithin(105, 110),
  ]).toEqual([13, 4, 0]);
});
