import type { MessageContext } from '../message/message-context.js';
import type { MessageLimits } from '../message/message-limits.js';
import { InvalidMessageError } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import {
  type CheckedPublishOptions,
  type PublishMessageOptions,
  readPublishOptions,
} from './publish-options.js';

/** What a single request asks for. */
export interface RequestOptions extends Pick<PublishMessageOptions, 'key' | 'headers' | 'correlationId'> {
  /**
   * Longest wait for the reply, at most an hour. Required: there is no default. It travels with the request, whose handler does
   * not run, or is aborted, once it is over. Rounded up. Inside the handler of a request, no more than what is left of
   * that one's.
   */
  readonly timeoutMs: number;
  /** Gives the request up when it aborts. The request may be handled all the same. */
  readonly signal?: AbortSignal;
}

/** Request options that were checked. */
export interface CheckedRequestOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly message: CheckedPublishOptions;
}

const MAX_TIMEOUT_MS = 3_600_000;

/**
 * @param cause the request being handled, whose deadline bounds this one's.
 * @throws InvalidMessageError `OPTION_INVALID` or `HEADER_INVALID` for the first option that is out of range.
 */
export function readRequestOptions(
  given: RequestOptions,
  { limits, clock }: { readonly limits: MessageLimits; readonly clock: Clock },
  cause: MessageContext | undefined,
): CheckedRequestOptions {
  const options = (given as RequestOptions | undefined) ?? ({} as Partial<RequestOptions>);
  const { timeoutMs, signal, key, headers, correlationId } = options;
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS))
    throw new InvalidMessageError(
      'OPTION_INVALID',
      `Request option timeoutMs is ${String(timeoutMs)}; give the longest wait for the reply, above 0 and at most ${MAX_TIMEOUT_MS}. There is no default.`,
    );
  const leftMs = cause?.deadline ? cause.deadline.getTime() - clock.now() : Infinity;
  const message = {
    ...(key !== undefined && { key }),
    ...(headers !== undefined && { headers }),
    ...(correlationId !== undefined && { correlationId }),
  };
  return {
    timeoutMs: Math.max(0, Math.min(Math.ceil(timeoutMs), leftMs)),
    signal,
    message: readPublishOptions(message, limits),
  };
}
