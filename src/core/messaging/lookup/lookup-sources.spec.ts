import { ManualClock } from '../../../testing/manual-clock.js';
import { askInTime } from './lookup-sources.js';
import { Recent } from '../observing/recent.js';

const asked = { source: 'dead-letters', scope: 'shared' } as const;

describe('askInTime', () => {
  it('reports a source that does not answer, after 5 s', async () => {
    const clock = new ManualClock();
    const asking = askInTime(asked, () => new Promise(() => undefined), clock);
    await Promise.resolve();
    await clock.advance(5_000);
    await expect(asking).resolves.toEqual({
      report: { ...asked, status: 'failed', errorCode: 'DEADLINE_EXCEEDED' },
    });
  });

  it('reports a source that throws before it has a promise', async () => {
    const throws = (): never => {
      throw new RangeError('no');
    };
    await expect(askInTime(asked, throws, new ManualClock())).resolves.toEqual({
      report: { ...asked, status: 'failed', errorCode: 'RangeError' },
    });
  });
});

describe('Recent', () => {
  it('keeps the last things in their order, and says since when', () => {
    const recent = new Recent<{ at: number }>(3);
    const all = (): number[] => recent.find(() => true).map(({ at }) => at);
    for (const at of [1, 2]) recent.add({ at });
    expect([all(), recent.since]).toEqual([[1, 2], undefined]);
    for (const at of [3, 4, 5]) recent.add({ at });
    expect([all(), recent.since]).toEqual([[3, 4, 5], 3]);
  });
});
