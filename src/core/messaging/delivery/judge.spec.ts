import { deliveryOf, GOOD, handlingOf } from '../../../../test/support/deliveries.js';
import { judge } from './delivery-processor.js';
import { HandlerTimeoutError, PermanentError, RetryAfterError } from '../ports/errors.js';
import { AbandonedError, type Outcome, UnacceptableMessageError } from './outcome.js';
import { DEFAULT_RETRY_POLICY, type ErrorRule } from '../retry-policy.js';

function judgeError(error: unknown, attempt = 1, errors: readonly ErrorRule[] = []): Outcome {
  const policy = { ...DEFAULT_RETRY_POLICY, attempts: 3, errors };
  return judge(handlingOf(deliveryOf(GOOD, {}, attempt), { policy }), { kind: 'failed', error });
}

describe('judge', () => {
  it('calls a run that is done handled, whatever the attempt', () => {
    expect(judge(handlingOf(deliveryOf(GOOD, {}, 9)), { kind: 'done' })).toEqual({ kind: 'handled' });
  });

  it('retries a failure while there are attempts left, then makes it a dead letter', () => {
    const error = new Error('x');
    expect(judgeError(error, 2)).toMatchObject({ kind: 'retry', reason: 'handler_error', error });
    expect(judgeError(error, 3)).toEqual({ kind: 'dead-letter', reason: 'handler_error', error });
  });

  it('makes a PermanentError and a refused message a dead letter at once', () => {
    const refused = new UnacceptableMessageError('expired', 'EXPIRED', 'late');
    expect(judgeError(new PermanentError('no'))).toMatchObject({ kind: 'dead-letter', reason: 'rejected' });
    expect(judgeError(refused)).toEqual({ kind: 'dead-letter', reason: 'expired', error: refused });
  });

  it.each([
    [7_777, 7_777],
    [0.1 * 3 * 1_000, 301],
    [0.001, 1],
    [-5, 0],
    [1e12, 2_592_000_000],
    [Infinity, 2_592_000_000],
  ])('makes the delay of RetryAfterError(%d) %d ms: whole, and at most 30 days', (asked, delayMs) => {
    expect(judgeError(new RetryAfterError(asked))).toMatchObject({ kind: 'retry', delayMs });
  });

  it('backs off after a RetryAfterError without a number', () => {
    const backoff = { type: 'fixed', delayMs: 333, jitter: false } as const;
    const error = new RetryAfterError(Number('soon'));
    const handling = handlingOf(deliveryOf(GOOD), { policy: { attempts: 3, backoff, errors: [] } });
    expect(judge(handling, { kind: 'failed', error })).toMatchObject({ kind: 'retry', delayMs: 333 });
  });

  it('counts the attempt of a RetryAfterError', () => {
    expect(judgeError(new RetryAfterError(7_777), 3).kind).toBe('dead-letter');
  });

  it('calls the reason of a timeout by its name', () => {
    expect(judgeError(new HandlerTimeoutError('Billing.charge', 20))).toMatchObject({ reason: 'timeout' });
  });

  it('postpones an abandoned run, also on its last attempt', () => {
    expect(judgeError(new AbandonedError(), 3)).toEqual({
      kind: 'postponed',
      reason: 'abandoned',
      delayMs: 0,
    });
  });

  it('follows the rules of the subscription', () => {
    expect(judgeError(new RangeError('x'), 1, [{ match: RangeError, action: 'discard' }]).kind).toBe(
      'discard',
    );
    expect(judgeError(new RangeError('x'), 1, [{ match: RangeError, action: 'dead-letter' }]).kind).toBe(
      'dead-letter',
    );
  });

  it('survives whatever is thrown', () => {
    const trap = (): never => {
      throw new Error('trap');
    };
    const hostile = new Proxy({}, { get: trap, getPrototypeOf: trap, has: trap });
    for (const thrown of [undefined, null, 0, 'text', Symbol('x'), Object.create(null), hostile]) {
      expect(judgeError(thrown).kind).toBe('retry');
    }
  });
});
