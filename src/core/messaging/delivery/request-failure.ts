import { judgeFailure } from './outcome.js';
import type { RepliedFailure } from './delivery-reports.js';
import type { Failure } from '../message/reply.js';
import { errorTypeOf } from '../dead-letters/error-description.js';
import { errorCodeOf, MessagingError, RetryAfterError } from '../ports/errors.js';
import { RequestError } from '../ports/request-error.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';

/** How a request failed: for observers, and what its asker is to see. Undefined when the process stops waiting for it. */
export function judgeRequest(
  thrown: unknown,
  { handler, policy }: Pick<HandlerEntry, 'handler' | 'policy'>,
): { readonly outcome: RepliedFailure; readonly failure: Failure } | undefined {
  // Attempts play no part: whether another try may succeed is all that is asked.
  const judged = judgeFailure(thrown, 1, { ...policy, attempts: Infinity });
  if (judged.kind === 'postponed') return undefined;
  const { error, reason } = judged;
  const retryable = error instanceof RequestError ? error.retryable : judged.kind === 'retry';
  return { outcome: { kind: 'replied', error, reason }, failure: { ...shown(error, handler), retryable } };
}

/**
 * What an asker may see of an error. Only errors that are written for others show their text: ours, and those of Nest that answer a
 * request. The text of any other may hold a connection string or an SQL statement.
 */
function shown(error: unknown, handler: string): Omit<Failure, 'retryable'> {
  if (error instanceof RequestError) {
    const { code, message, retryAfterMs, details } = error;
    return { code, message, retryAfterMs, details };
  }
  if (error instanceof RetryAfterError)
    return { code: error.code, message: error.message, retryAfterMs: error.delayMs };
  if (error instanceof MessagingError || isHttpException(error))
    return { code: errorCodeOf(error), message: error.message };
  return {
    code: error instanceof Error ? errorCodeOf(error) : 'NON_ERROR_THROWN',
    message: `${handler} failed with ${errorTypeOf(error)}. What it says is in the log of the process that handled the request. Throw a RequestError to say more.`,
  };
}

/** Recognised by its method, as `judgeFailure` does. */
function isHttpException(error: unknown): error is Error {
  try {
    return error instanceof Error && typeof (error as { getStatus?: unknown }).getStatus === 'function';
  } catch {
    return false;
  }
}
