import { deliveryOf, GOOD, handlingOf } from '../../../../test/support/deliveries.js';
import { run } from './delivery-processor.js';
import { type Ending, HandlerRunner } from './handler-runner.js';
import { handlingContext } from '../message/handling-context.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import { HandlerTimeoutError } from '../ports/errors.js';
import { AbandonedError } from './outcome.js';
import { ManualClock } from '../../../testing/manual-clock.js';

function setUp(invoke: HandlerEntry['invoke'], timeoutMs = 1_000) {
  const clock = new ManualClock();
  const endings: Ending[] = [];
  const runs = new HandlerRunner(clock, (_, ending) => endings.push(ending));
  const handling = handlingOf(deliveryOf(GOOD, {}, 2), { invoke, timeoutMs });
  return { clock, endings, runs, handling, run: () => run(handling, { id: 'o-1' }, { runs }) };
}

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

describe('run', () => {
  it('gives the handler the payload and its context, also on its asynchronous path', () => {
    const seen: unknown[] = [];
    const { run, handling } = setUp((payload, context) =>
      seen.push(payload, context.attempt, handlingContext.getStore() === context),
    );
    run();
    expect(seen).toEqual([{ id: 'o-1' }, 2, true]);
    expect(handling.startedAt).toBe(0);
  });

  it('ends at once with a handler that returns, without a promise', () => {
    const { run, endings } = setUp(() => 'anything');
    run();
    expect(endings).toEqual([{ kind: 'done' }]);
  });

  it('ends when the promise of the handler does', async () => {
    const resolving = setUp(async () => undefined);
    resolving.run();
    expect(resolving.endings).toEqual([]);
    await Promise.resolve();
    expect(resolving.endings).toEqual([{ kind: 'done' }]);
    const error = new Error('down');
    const rejecting = setUp(() => Promise.reject(error));
    rejecting.run();
    await Promise.resolve();
    expect(rejecting.endings).toEqual([{ kind: 'failed', error }]);
  });

  it('hands over whatever the handler throws', () => {
    const { run, endings } = setUp(() => {
      throw undefined as unknown as Error;
    });
    run();
    expect(endings).toEqual([{ kind: 'failed', error: undefined }]);
  });

  it('aborts a handler at its timeout, and ignores how it ends later', async () => {
    const { run, endings, clock, handling } = setUp((_, { signal }) => until(signal), 1_000);
    run();
    await clock.advance(999);
    expect(endings).toEqual([]);
    await clock.advance(51);
    expect(endings).toEqual([{ kind: 'failed', error: expect.any(HandlerTimeoutError) as unknown }]);
    expect(handling.context?.signal.aborted).toBe(true);
  });

  it('lets a handler without a timeout run', async () => {
    const { run, endings, clock } = setUp((_, { signal }) => until(signal), 0);
    run();
    await clock.advance(24 * 3_600_000);
    expect(endings).toEqual([]);
  });

  it('ends with an AbandonedError when the process stops waiting', async () => {
    const { run, runs, endings, clock } = setUp((_, { signal }) => until(signal));
    run();
    expect(runs.abandon()).toBe(1);
    expect(endings).toEqual([{ kind: 'failed', error: expect.any(AbandonedError) as unknown }]);
    await clock.advance(2_000);
    expect(endings).toHaveLength(1);
  });
});
