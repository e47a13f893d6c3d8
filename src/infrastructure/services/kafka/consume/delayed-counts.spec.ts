import { ManualClock } from '../../../../exports/testing.js';
import { DelayedCounts } from './delayed-counts.js';

it('counts what is not due yet, for a group what its topic gets, too', async () => {
  const clock = new ManualClock();
  const counts = new DelayedCounts(clock);
  counts.added({ topic: 't' }, 2, 60_000);
  counts.added({ topic: 't', group: 'g' }, 1, 1_000);
  expect(counts.of({ topic: 't', group: 'g' })).toBe(3);
  expect(counts.of({ topic: 't', group: 'h' })).toBe(2);
  await clock.advance(2_000);
  expect(counts.of({ topic: 't', group: 'g' })).toBe(2);
  await clock.advance(70_000);
  expect(counts.of({ topic: 't', group: 'g' })).toBe(0);
});
