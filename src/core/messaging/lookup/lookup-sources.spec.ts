import { ManualClock } from '../../../testing/manual-clock.js';
import { askInTime } from './lookup-sources.js';

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
