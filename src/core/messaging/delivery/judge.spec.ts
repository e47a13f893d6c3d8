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

  it('keeps the delay of a RetryAfterError, within 30 days and the attempts', () => {
    expect(judgeError(new RetryAfterError(7_777))).toMatchObject({ kind: 'retry', delayMs: 7_777 });
    expect(judgeError(new RetryAfterError(-5))).toMatchObject({ delayMs: 0 });
    expect(judgeError(new RetryAfterError(1e12))).toMatchObject({ delayMs: 2_592_000_000 });
    expect(judgeError(new RetryAfterError(7_777), 3).kind).toBe('dead-letter');
  });

  it('calls the reason of a timeout by its name', () => {
    expect(judgeError(new HandlerTimeoutError('Billing.charge', 20))).toMatchObject({ reason: 'timeout' });
  });

  it('retries an abandoned run at once, also on its last attempt', () => {
    expect(judgeError(new AbandonedError(), 3)).toMatchObject({
      kind: 'retry',
      delayMs: 0,
      reason: 'timeout',
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
