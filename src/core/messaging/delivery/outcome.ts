import { brandInstances } from '../ports/brand.js';
import type { PostponeReason } from '../observing/events.js';
import type { DeadLetterReason } from '../ports/dead-letter-store.js';
import {
  HandlerTimeoutError,
  MessagingError,
  type MessagingErrorCode,
  PermanentError,
  RetryAfterError,
} from '../ports/errors.js';
import { actionFor, delayAfter, type RetryPolicy } from '../retry-policy.js';

/** What the core concluded about a delivery. */
export type Outcome =
  | { readonly kind: 'handled' }
  /** A copy was handled within the idempotency window. */
  | { readonly kind: 'duplicate' }
  | PostponedOutcome
  | FailureOutcome;

/** The attempt has no result through no fault of the message: it is delivered again as the same attempt. */
export interface PostponedOutcome {
  readonly kind: 'postponed';
  readonly reason: PostponeReason;
  readonly delayMs: number;
  /** Of the handler, where that is why. */
  readonly error?: unknown;
}

/** What the core concluded about a delivery that failed with `error`. */
export type FailureOutcome = { readonly reason: DeadLetterReason; readonly error: unknown } & (
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'dead-letter' }
  | { readonly kind: 'discard' }
);

/** A delivery that must not reach its handler, whatever attempts it has left: the message becomes a dead letter. */
export class UnacceptableMessageError extends MessagingError {
  static {
    brandInstances(this, 'UnacceptableMessageError');
  }

  constructor(
    readonly reason: DeadLetterReason,
    code: MessagingErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** The process stopped waiting for the handler. */
export class AbandonedError extends MessagingError {
  static {
    brandInstances(this, 'AbandonedError');
  }

  constructor() {
    super(
      'NOT_RUNNING',
      'The process is stopping and no longer waits for this handler; the message will be delivered again.',
    );
  }
}

/** Longest delay that a `RetryAfterError` may ask for: 30 days, the most that every transport can keep. */
const MAX_RETRY_AFTER_MS = 30 * 24 * 3_600_000;

/**
 * Judges a failure: the handler's own error first (`PermanentError`, `RetryAfterError`), then the rules of the
 * subscription, then whether it rejects the message, then the attempts that are left.
 *
 * @param thrown whatever the handler threw, or the error of the step that refused the message.
 * @param attempt number of the attempt that failed.
 */
export function judgeFailure(
  thrown: unknown,
  attempt: number,
  policy: RetryPolicy,
): FailureOutcome | PostponedOutcome {
  const error = toInspectableError(thrown);
  // Another process may take it at once.
  if (error instanceof AbandonedError) return { kind: 'postponed', reason: 'abandoned', delayMs: 0 };
  if (error instanceof UnacceptableMessageError) return { kind: 'dead-letter', reason: error.reason, error };
  if (error instanceof PermanentError) return { kind: 'dead-letter', reason: 'rejected', error };
  const reason = error instanceof HandlerTimeoutError ? 'timeout' : 'handler_error';
  const action = actionFor(error, policy.errors);
  if (action === 'discard') return { kind: 'discard', reason, error };
  if (action === undefined && isRejection(error)) return { kind: 'dead-letter', reason: 'rejected', error };
  if (action === 'dead-letter' || attempt >= policy.attempts) return { kind: 'dead-letter', reason, error };
  return { kind: 'retry', delayMs: delayOf(error, attempt, policy), reason, error };
}

/** Of those, the same request can succeed later: timeout, conflict, locked, too early, too many requests. */
const RETRYABLE_STATUSES: ReadonlySet<unknown> = new Set([408, 409, 423, 425, 429]);

/** An `HttpException` of Nest that blames the request, such as a guard's refusal. Recognised by its method. */
function isRejection(error: unknown): boolean {
  try {
    if (!(error instanceof Error)) return false;
    const { getStatus } = error as { getStatus?: unknown };
    if (typeof getStatus !== 'function') return false;
    const status: unknown = getStatus.call(error);
    return typeof status === 'number' && status >= 400 && status < 500 && !RETRYABLE_STATUSES.has(status);
  } catch {
    return false;
  }
}

function delayOf(error: unknown, attempt: number, policy: RetryPolicy): number {
  const asked = error instanceof RetryAfterError ? boundedMs(error.delayMs, MAX_RETRY_AFTER_MS) : undefined;
  return asked ?? delayAfter(attempt, policy.backoff);
}

/**
 * The delay in whole milliseconds from 0 to `maxMs`, rounded up: every transport takes whole ones only. Undefined for what is
 * no number.
 */
export function boundedMs(delayMs: number, maxMs: number): number | undefined {
  const wholeMs = Math.ceil(Math.min(Math.max(0, delayMs), maxMs));
  return Number.isNaN(wholeMs) ? undefined : wholeMs;
}

/** Handlers may throw anything, even an object on which `instanceof` throws; from here on it can be inspected. */
function toInspectableError(thrown: unknown): unknown {
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    return new Error('The handler threw an object that cannot be inspected.');
  }
  return thrown;
}
