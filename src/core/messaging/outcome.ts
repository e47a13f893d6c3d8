import type { DeadLetterReason } from './dead-letters/dead-letter-store.js';
import {
  HandlerTimeoutError,
  MessagingError,
  type MessagingErrorCode,
  PermanentError,
  RetryAfterError,
} from './messaging.errors.js';
import { actionFor, delayAfter, type RetryPolicy } from './retry-policy.js';

/** What the core concluded about a delivery that failed. */
export type Outcome =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly reason: DeadLetterReason }
  | { readonly kind: 'dead-letter'; readonly reason: DeadLetterReason }
  | { readonly kind: 'discard'; readonly reason: DeadLetterReason };

/** A delivery that must not reach its handler: the message itself is past help, whatever attempts it has left. */
export class UnacceptableMessageError extends MessagingError {
  constructor(
    readonly reason: DeadLetterReason,
    code: MessagingErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** Longest delay that a `RetryAfterError` may ask for: 30 days, the most that every transport can keep. */
const MAX_RETRY_AFTER_MS = 30 * 24 * 3_600_000;

/**
 * Judges a failure: the handler's own word first (`PermanentError`, `RetryAfterError`), then the rules of the
 * subscription, then the attempts that are left.
 *
 * @param attempt number of the attempt that failed.
 */
export function judge(error: unknown, attempt: number, policy: RetryPolicy): Outcome {
  if (error instanceof UnacceptableMessageError) return { kind: 'dead-letter', reason: error.reason };
  if (error instanceof PermanentError) return { kind: 'dead-letter', reason: 'rejected' };
  const reason = error instanceof HandlerTimeoutError ? 'timeout' : 'handler_error';
  const action = actionFor(error, policy.errors);
  if (action === 'discard') return { kind: 'discard', reason };
  if (action === 'dead-letter' || attempt >= policy.attempts) return { kind: 'dead-letter', reason };
  return { kind: 'retry', delayMs: delayOf(error, attempt, policy), reason };
}

function delayOf(error: unknown, attempt: number, policy: RetryPolicy): number {
  if (!(error instanceof RetryAfterError)) return delayAfter(attempt, policy.backoff);
  return Number.isFinite(error.delayMs) ? Math.min(Math.max(0, error.delayMs), MAX_RETRY_AFTER_MS) : 0;
}
