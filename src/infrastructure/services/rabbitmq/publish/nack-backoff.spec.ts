import { NackBackoff } from './nack-backoff.js';

/** Times at which a channel that refuses everything every 10 ms is given up. */
function renewals(watch: NackBackoff, fromMs: number, toMs: number): number[] {
  const times: number[] = [];
  for (let now = fromMs; now <= toMs; now += 10) if (watch.asksForNewChannel(now)) times.push(now - fromMs);
  return times;
}

it('a refusal asks for a new channel at once, and then after pauses that grow', () => {
  expect(renewals(new NackBackoff(), 0, 10_000)).toEqual([0, 200, 600, 1_400, 3_000, 6_200]);
});

it('a queue that stays full costs a new channel twice a minute', () => {
  const watch = new NackBackoff();
  renewals(watch, 0, 60_000);
  expect(renewals(watch, 60_010, 360_000).length).toBeLessThanOrEqual(10);
});

it('a refusal after a long quiet is another story', () => {
  const watch = new NackBackoff();
  renewals(watch, 0, 10_000);
  expect(renewals(watch, 100_000, 101_000)).toEqual([0, 200, 600]);
});
