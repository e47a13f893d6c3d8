import { ManualClock } from '../exports/testing.js';

describe('a manual clock', () => {
  it('does not move by itself', async () => {
    const clock = new ManualClock(1_000);
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    await clock.advance(25);
    expect([clock.now(), clock.monotonic()]).toEqual([1_025, 25]);
  });

  it('runs timers in the order of their times, each at its own time', async () => {
    const clock = new ManualClock();
    const ran: [string, number][] = [];
    const note = (name: string) => () => void ran.push([name, clock.monotonic()]);
    clock.schedule(30, note('late'));
    clock.schedule(10, note('early'));
    clock.schedule(10, note('early, second'));
    clock.schedule(31, note('not yet'));
    await clock.advance(30);
    expect(ran).toEqual([
      ['early', 10],
      ['early, second', 10],
      ['late', 30],
    ]);
    expect(clock.pending).toBe(1);
  });

  it('lets promises settle before the next timer runs', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.schedule(1, () => {
      void Promise.resolve()
        .then(() => new Promise((resolve) => setImmediate(resolve)))
        .then(() => seen.push('continuation of the first'));
    });
    clock.schedule(2, () => seen.push('second'));
    await clock.advance(2);
    expect(seen).toEqual(['continuation of the first', 'second']);
  });

  it('runs timers that a timer or its continuation starts', async () => {
    const clock = new ManualClock();
    const at: number[] = [];
    const again = async (): Promise<void> => {
      at.push(clock.monotonic());
      await Promise.resolve();
      clock.schedule(10, () => void again());
    };
    clock.schedule(10, () => void again());
    await clock.advance(35);
    expect(at).toEqual([10, 20, 30]);
  });

  it('does not run what was cancelled, not even by a timer of the same time', async () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    clock.schedule(5, () => {
      ran.push('first');
      cancel();
    });
    const cancel = clock.schedule(5, () => ran.push('second'));
    await clock.advance(10);
    expect(ran).toEqual(['first']);
  });

  it('takes a negative delay for none', async () => {
    const clock = new ManualClock();
    const ran: number[] = [];
    clock.schedule(-5, () => ran.push(clock.monotonic()));
    await clock.advance(0);
    expect(ran).toEqual([0]);
  });

  it('runs calls one after the other', async () => {
    const clock = new ManualClock();
    const at: number[] = [];
    for (const delayMs of [5, 15]) clock.schedule(delayMs, () => at.push(clock.monotonic()));
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect(at).toEqual([5, 15]);
    expect(clock.monotonic()).toBe(20);
  });

  it('refuses to go back, and continues after a timer that throws', async () => {
    const clock = new ManualClock();
    await expect(clock.advance(-1)).rejects.toThrow('Time cannot move by -1 ms');
    await expect(clock.advance(NaN)).rejects.toThrow(RangeError);
    clock.schedule(1, () => {
      throw new Error('broken timer');
    });
    await expect(clock.advance(5)).rejects.toThrow('broken timer');
    await clock.advance(5);
    expect(clock.monotonic()).toBe(6);
  });
});
