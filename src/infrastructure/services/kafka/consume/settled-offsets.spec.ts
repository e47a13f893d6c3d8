import { Taken } from './offset-tracker.js';
import { Partition } from './partition.js';
import { SettledOffsets } from './settled-offsets.js';

const PLACE = ['orders', 0] as const;

/** What has the partition of offset 10 on, of a group that has stored nothing since. */
function owner(memory: SettledOffsets, position = 10): Partition {
  return new Partition(...PLACE, { committed: { position, metadata: null }, memory, now: 0 });
}

const taken = (partition: Partition, offset: number, id = `m-${offset}`): Taken =>
  partition.tracker.take(offset, id);

it('knows what was settled before the partition was lost, and nothing else', () => {
  const memory = new SettledOffsets();
  const before = owner(memory);
  const [settled, inFlight] = [taken(before, 10), taken(before, 11)];
  before.settle(settled);
  before.lose();
  const after = owner(memory);
  expect(after.isKnownSettled(taken(after, 10))).toBe(true);
  expect(after.isKnownSettled(taken(after, 11))).toBe(false);
  before.settle(inFlight); // its handler was done late
  expect(after.isKnownSettled(new Taken(11, 'm-11'))).toBe(true);
});

it('knows nothing of another topic of the same name', () => {
  const memory = new SettledOffsets();
  const before = owner(memory);
  before.settle(taken(before, 10));
  before.lose();
  const after = owner(memory);
  expect(after.isKnownSettled(taken(after, 10, 'another message'))).toBe(false);
});

it('still knows it when the partition is lost again before it was stored', () => {
  const memory = new SettledOffsets();
  const first = owner(memory);
  first.settle(taken(first, 10));
  first.lose();
  owner(memory).lose();
  expect(owner(memory).isKnownSettled(new Taken(10, 'm-10'))).toBe(true);
});

it('still knows what is stored too late for the process that asked before', () => {
  const memory = new SettledOffsets();
  const before = owner(memory);
  before.settle(taken(before, 10));
  before.lose();
  const after = owner(memory); // which begins at 10
  before.stored(11);
  expect(after.isKnownSettled(taken(after, 10))).toBe(true);
});

it('forgets what the group has stored', () => {
  const memory = new SettledOffsets();
  const before = owner(memory);
  before.settle(taken(before, 10));
  before.settle(taken(before, 11));
  before.stored(11);
  before.lose();
  const after = owner(memory);
  expect([10, 11].map((offset) => after.isKnownSettled(new Taken(offset, `m-${offset}`)))).toEqual([
    false,
    true,
  ]);
});

it('forgets the oldest when nothing can be stored for long', () => {
  const memory = new SettledOffsets();
  for (let offset = 0; offset <= 100_000; offset += 1) memory.add(new Taken(offset, 'm'));
  memory.lose();
  expect([memory.has(0, 'm'), memory.has(100_000, 'm')]).toEqual([false, true]);
});
