import { ManualClock } from '../../../exports/testing.js';
import { MessagingError, NotKeptError } from '../ports/errors.js';
import type { PublishOutcome, RefusedMessage, TransportContext } from '../ports/transport.js';
import { type NextAttempt, RepublishingRetry } from './republishing-retry.js';

const MESSAGE = { id: 'a', headers: { kept: 'k', laid: 'old' }, body: Buffer.from('body') };
const RETRY = { kind: 'retry', delayMs: 500, headers: { laid: 'new' } } as const;
const DOWN: PublishOutcome = { kind: 'unavailable', error: new Error('down') };
const REFUSED: PublishOutcome = { kind: 'refused', error: new Error('too large') };

function setUp(outcomes: (PublishOutcome | Error)[], keepRefused?: TransportContext['keepRefused']) {
  const clock = new ManualClock();
  const published: (NextAttempt & { at: number })[] = [];
  const log: string[] = [];
  const context = { name: 'main', clock, ...(keepRefused && { keepRefused }) };
  const retry = new RepublishingRetry(
    context,
    { topic: 'orders', group: 'billing' },
    {
      publish: async (next) => {
        published.push({ ...next, at: clock.monotonic() });
        const outcome = outcomes.shift() ?? { kind: 'accepted' };
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
      failed: (error) => log.push(`failed: ${(error as Error).message}`),
      recovered: () => log.push('recovered'),
    },
  );
  return { clock, published, log, retry };
}

// Each wait is its whole step.
beforeEach(() => void jest.spyOn(Math, 'random').mockReturnValue(1));
afterEach(() => jest.restoreAllMocks());

describe('a retry that is published again', () => {
  it('has the next attempt, its time and the headers of the settlement', async () => {
    const { clock, published, log, retry } = setUp([]);
    const dueAt = clock.now() + 500;
    await expect(retry.publish({ message: MESSAGE, attempt: 2 }, RETRY, () => true)).resolves.toBe(true);
    const message = { ...MESSAGE, headers: { kept: 'k', laid: 'new' } };
    expect(published).toEqual([{ message, attempt: 3, delayMs: 500, dueAt, at: 0 }]);
    expect(log).toEqual([]);
  });

  it('is tried until it is accepted, with pauses that grow, and keeps the time at which it is due', async () => {
    const { clock, published, log, retry } = setUp([DOWN, new Error('broken'), DOWN]);
    const done = retry.publish({ message: MESSAGE, attempt: 1 }, RETRY, () => true);
    await clock.advance(1_000);
    await expect(done).resolves.toBe(true);
    expect(published.map(({ at }) => at)).toEqual([0, 50, 150, 350]);
    expect(new Set(published.map(({ dueAt }) => dueAt)).size).toBe(1);
    expect(log).toEqual(['failed: down', 'failed: broken', 'failed: down', 'recovered']);
  });

  it('keeps the number of the attempt when it counts none', async () => {
    const { published, retry } = setUp([]);
    const uncounted = { ...RETRY, countsAttempt: false } as const;
    await expect(retry.publish({ message: MESSAGE, attempt: 2 }, uncounted, () => true)).resolves.toBe(true);
    expect(published.map(({ attempt }) => attempt)).toEqual([2]);
  });

  it('becomes a dead letter when the broker refuses it, and is tried again while that cannot be kept', async () => {
    const kept: RefusedMessage[] = [];
    const answers = [new Error('store down'), undefined];
    const { clock, log, retry } = setUp([REFUSED, REFUSED], async (refused) => {
      const error = answers.shift();
      if (error) throw error;
      kept.push(refused);
    });
    const done = retry.publish({ message: MESSAGE, attempt: 2 }, RETRY, () => true);
    await clock.advance(1_000);
    await expect(done).resolves.toBe(true);
    expect(kept).toEqual([
      {
        to: { topic: 'orders', group: 'billing' },
        message: { ...MESSAGE, headers: { kept: 'k', laid: 'new' } },
        error: new Error('too large'),
        transport: 'main',
        attempts: 2,
      },
    ]);
    expect(log).toEqual(['failed: too large', 'failed: store down', 'failed: too large', 'recovered']);
  });

  it('waits for as long as the store of dead letters says, and no longer than it is ours', async () => {
    const full = new NotKeptError(new MessagingError('STORE_FULL', 'full'), 300_000);
    const { clock, published, log, retry } = setUp(Array<PublishOutcome>(9).fill(REFUSED), () =>
      Promise.reject(full),
    );
    let isOurs = true;
    const done = retry.publish({ message: MESSAGE, attempt: 2 }, RETRY, () => isOurs);
    await clock.advance(299_000);
    expect(published).toHaveLength(1);
    expect(log).toEqual(['failed: too large', 'failed: full']);
    await clock.advance(2_000);
    expect(published).toHaveLength(2);
    isOurs = false;
    await clock.advance(1_000);
    await expect(done).resolves.toBe(false);
  });

  it('is tried again when the broker refuses it and nothing keeps dead letters', async () => {
    const { clock, retry } = setUp([REFUSED]);
    const done = retry.publish({ message: MESSAGE, attempt: 2 }, RETRY, () => true);
    await clock.advance(1_000);
    await expect(done).resolves.toBe(true);
  });

  it('is given up once the delivery is not ours any more', async () => {
    const { clock, published, retry } = setUp([DOWN, DOWN, DOWN]);
    let isOurs = true;
    const done = retry.publish({ message: MESSAGE, attempt: 1 }, RETRY, () => isOurs);
    await clock.advance(60);
    isOurs = false;
    await clock.advance(1_000);
    await expect(done).resolves.toBe(false);
    expect(published).toHaveLength(2);
  });
});
