import { seededRandom } from '../../../../test/support/seeded-random.js';
import { ManualClock } from '../../../exports/testing.js';
import { DueQueue } from './due-queue.js';

function setUp() {
  const clock = new ManualClock();
  const due: string[] = [];
  const queue = new DueQueue<string>(clock, (item) => due.push(`${item}@${clock.monotonic()}`));
  return { clock, due, queue };
}

describe('a due queue', () => {
  it.each([1, 2, 3])('hands over what a sorted list would (seed %d)', async (seed) => {
    const random = seededRandom(seed);
    const clock = new ManualClock();
    const due: number[] = [];
    const queue = new DueQueue<number>(clock, (item) => due.push(item));
    const expected: number[] = [];
    let model: { readonly at: number; readonly item: number }[] = [];
    for (let item = 0; item < 600; item++) {
      if (random(100) === 0) {
        queue.clear();
        model = [];
      }
      const delayMs = random(50);
      queue.add(item, delayMs);
      model.push({ at: clock.monotonic() + delayMs, item });
      if (random(4) > 0) continue;
      await clock.advance(random(20));
      const isDue = ({ at }: { readonly at: number }): boolean => at <= clock.monotonic();
      // Sorting keeps the order of equal times, which is that of adding.
      expected.push(
        ...[...model]
          .sort((a, b) => a.at - b.at)
          .filter(isDue)
          .map((one) => one.item),
      );
      model = model.filter((one) => !isDue(one));
      expect(due).toEqual(expected);
      expect(queue.size).toBe(model.length);
      expect([...queue].sort((a, b) => a - b)).toEqual(model.map((one) => one.item));
    }
    expect(expected.length).toBeGreaterThan(300);
  });

  it('hands an item over at its time and not before', async () => {
    const { clock, due, queue } = setUp();
    queue.add('a', 100);
    await clock.advance(99);
    expect(due).toEqual([]);
    await clock.advance(1);
    expect(due).toEqual(['a@100']);
  });

  it('hands over one that is due before the one the timer was set for', async () => {
    const { clock, due, queue } = setUp();
    queue.add('late', 100);
    queue.add('early', 10);
    await clock.advance(50);
    expect(due).toEqual(['early@10']);
    await clock.advance(50);
    expect(due).toEqual(['early@10', 'late@100']);
  });

  it('keeps one timer, however many items wait', () => {
    const { clock, queue } = setUp();
    for (let nth = 0; nth < 100; nth++) queue.add(`item ${nth}`, 1_000 - nth);
    expect(clock.pending).toBe(1);
  });

  it('hands nothing over after it was cleared, and works again afterwards', async () => {
    const { clock, due, queue } = setUp();
    queue.add('forgotten', 10);
    queue.clear();
    expect(clock.pending).toBe(0);
    await clock.advance(20);
    queue.add('kept', 10);
    await clock.advance(10);
    expect(due).toEqual(['kept@30']);
  });

  it('takes what is added while it hands over', async () => {
    const clock = new ManualClock();
    const at: number[] = [];
    const queue: DueQueue<number> = new DueQueue(clock, (left) => {
      at.push(clock.monotonic());
      if (left > 0) queue.add(left - 1, 5);
    });
    queue.add(2, 5);
    await clock.advance(100);
    expect(at).toEqual([5, 10, 15]);
  });
});
