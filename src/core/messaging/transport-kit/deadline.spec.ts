import { ManualClock } from '../../../exports/testing.js';
import { settlesWithin, withDeadline } from './deadline.js';

const late = (): Error => new Error('too late');
const never = new Promise<never>(() => undefined);

describe('a deadline on a promise', () => {
  it('passes on what the promise resolves with, and leaves no timer behind', async () => {
    const clock = new ManualClock();
    await expect(withDeadline(Promise.resolve('done'), 100, late, clock)).resolves.toBe('done');
    expect(clock.pending).toBe(0);
  });

  it('passes on what the promise rejects with as it came', async () => {
    const clock = new ManualClock();
    await expect(withDeadline(Promise.reject('a text'), 100, late, clock)).rejects.toBe('a text');
    expect(clock.pending).toBe(0);
  });

  it('rejects with the given error once the time is over, and not before', async () => {
    const clock = new ManualClock();
    let error: unknown;
    withDeadline(never, 100, late, clock).catch((caught: unknown) => (error = caught));
    await clock.advance(99);
    expect(error).toBeUndefined();
    await clock.advance(1);
    expect(error).toEqual(late());
  });

  it('works without a clock', async () => {
    await expect(withDeadline(never, 5, late)).rejects.toEqual(late());
  });
});

describe('settlesWithin', () => {
  it('is true for what resolves in time and false for what takes longer', async () => {
    const clock = new ManualClock();
    await expect(settlesWithin(Promise.resolve(), 100, clock)).resolves.toBe(true);
    const slow = settlesWithin(never, 100, clock);
    await clock.advance(100);
    await expect(slow).resolves.toBe(false);
  });

  it('rejects when the work does', async () => {
    await expect(settlesWithin(Promise.reject(late()), 100, new ManualClock())).rejects.toEqual(late());
  });
});
