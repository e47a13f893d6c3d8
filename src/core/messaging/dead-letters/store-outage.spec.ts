import { ManualClock } from '../../../exports/testing.js';
import { StoreOutage } from './store-outage.js';

const HOUR_MS = 3_600_000;

describe('the wait for a store that keeps no dead letter', () => {
  it('doubles from a second to five minutes, and begins again once it has kept one', async () => {
    const clock = new ManualClock();
    const outage = new StoreOutage(clock);
    const waits: number[] = [];
    for (let tries = 0; tries < 12; tries += 1) {
      waits.push(outage.failed());
      await clock.advance(waits.at(-1) ?? 0);
    }
    const seconds = waits.map((ms) => ms / 1_000);
    expect(seconds).toEqual([1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    outage.over();
    expect(outage.failed()).toBe(1_000);
  });

  it('is as long as the oldest of the messages has waited', async () => {
    const clock = new ManualClock();
    const outage = new StoreOutage(clock);
    const since = clock.monotonic();
    await clock.advance(20_000);
    expect(outage.failed(since)).toBe(20_000);
    expect(outage.failed()).toBe(1_000);
  });

  it('begins again after a long time without a failure', async () => {
    const clock = new ManualClock();
    const outage = new StoreOutage(clock);
    outage.failed();
    await clock.advance(HOUR_MS);
    expect(outage.failed()).toBe(1_000);
  });
});
