import { brandInstances } from './brand.js';
import type { PublishAttempt } from './transport.js';

/**
 * Codes of everything that this module throws or records. A code keeps its meaning. The union is open: a minor version may add
 * codes, so a `switch` needs a `default` branch.
 */
export type MessagingErrorCode =
  | 'CONFIGURATION'
  | 'PAYLOAD_INVALID'
  | 'PAYLOAD_UNDECODABLE'
  | 'HEADER_INVALID'
  | 'OPTION_INVALID'
  | 'TOPIC_INVALID'
  | 'MESSAGE_TOO_LARGE'
  | 'MESSAGE_TOO_DEEP'
  | 'PUBLISH_UNAVAILABLE'
  | 'PUBLISH_UNKNOWN'
  | 'PUBLISH_REFUSED'
  | 'OVERLOADED'
  | 'NOT_RUNNING'
  | 'TRANSPORT_CLOSED'
  | 'TRANSPORT_UNAVAILABLE'
  | 'TRANSPORT_FULL'
  | 'DEADLINE_EXCEEDED'
  | 'DIRECTORY_IN_USE'
  | 'DEPENDENCY_MISSING'
  | 'DEPENDENCY_UNUSABLE'
  | 'TOPOLOGY_MISSING'
  | 'TOPOLOGY_UNSAFE'
  | 'HANDLER_TIMEOUT'
  | 'PERMANENT'
  | 'RETRY_AFTER'
  | 'EXPIRED'
  | 'ATTEMPTS_USED_UP'
  | 'QUEUE_OVERFLOW'
  | 'RECORD_CORRUPT'
  | 'FILE_CORRUPT'
  | 'FORMAT_UNSUPPORTED'
  | 'STORE_UNAVAILABLE'
  | 'AUDIT_UNAVAILABLE'
  | 'STORE_FULL'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'REVISION_CHANGED'
  | 'FORBIDDEN'
  | 'NO_HANDLER'
  | 'REPLY_INVALID'
  | 'INTERNAL';

/** Everything that this module throws. `code` is stable, `message` is for people and carries no secret. */
export class MessagingError extends Error {
  static {
    brandInstances(this, 'MessagingError');
  }

  constructor(
    readonly code: MessagingErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Every mistake found in configuration, handlers and message types at boot, reported together. */
export class MessagingConfigurationError extends MessagingError {
  static {
    brandInstances(this, 'MessagingConfigurationError');
  }

  constructor(readonly problems: readonly string[]) {
    super(
      'CONFIGURATION',
      `Messaging cannot start: ${problems.length} configuration problem${problems.length === 1 ? '' : 's'}.\n` +
        problems.map((problem, index) => `  ${index + 1}. ${problem}`).join('\n'),
    );
  }
}

/** A message that was not sent because it can never be handled. Nothing reached any transport. */
export class InvalidMessageError extends MessagingError {
  static {
    brandInstances(this, 'InvalidMessageError');
  }

  constructor(
    code: MessagingErrorCode,
    message: string,
    readonly issues: readonly { readonly path: string; readonly message: string }[] = [],
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

const PUBLISH_CODES = {
  unavailable: 'PUBLISH_UNAVAILABLE',
  unknown: 'PUBLISH_UNKNOWN',
  refused: 'PUBLISH_REFUSED',
} as const;

/**
 * A publish that no transport accepted. `outcome` says whether the message may nevertheless arrive: only after
 * `unknown` it may.
 */
export class PublishError extends MessagingError {
  static {
    brandInstances(this, 'PublishError');
  }

  readonly messageId: string;
  /** Every try, in order, with what it took and how it ended. */
  readonly attempts: readonly PublishAttempt[];

  constructor(
    readonly outcome: 'unavailable' | 'unknown' | 'refused',
    message: string,
    details: {
      readonly messageId: string;
      readonly attempts: readonly PublishAttempt[];
      readonly cause?: unknown;
    },
  ) {
    super(PUBLISH_CODES[outcome], message, { cause: details.cause });
    this.messageId = details.messageId;
    this.attempts = details.attempts;
  }
}

/** Thrown by a handler: this message will never succeed, make it a dead letter now. */
export class PermanentError extends MessagingError {
  static {
    brandInstances(this, 'PermanentError');
  }

  constructor(message: string, options?: ErrorOptions) {
    super('PERMANENT', message, options);
  }
}

/**
 * Thrown by a handler: try again, not before `delayMs` milliseconds from now, rounded up and at most 30 days. Uses up an
 * attempt like any failure. Without a usable number the backoff of the handler decides.
 */
export class RetryAfterError extends MessagingError {
  static {
    brandInstances(this, 'RetryAfterError');
  }

  readonly delayMs: number;

  constructor(delayMs: number, message = `Try again in ${Math.ceil(delayMs)} ms`, options?: ErrorOptions) {
    super('RETRY_AFTER', message, options);
    this.delayMs = Math.ceil(delayMs);
  }
}

/** A handler that did not settle in time. Its `AbortSignal` was aborted; what it does afterwards is ignored. */
export class HandlerTimeoutError extends MessagingError {
  static {
    brandInstances(this, 'HandlerTimeoutError');
  }

  constructor(handler: string, timeoutMs: number) {
    super(
      'HANDLER_TIMEOUT',
      `${handler} did not finish within ${timeoutMs} ms. Raise timeoutMs or make it stop when context.signal aborts.`,
    );
  }
}

/** A refused message could not be kept as a dead letter now, because the store is full or out of reach. */
export class NotKeptError extends MessagingError {
  static {
    brandInstances(this, 'NotKeptError');
  }

  /**
   * @param cause why.
   * @param retryAfterMs how long to wait before the next try: it grows while the store keeps nothing, up to 5 minutes.
   */
  constructor(
    cause: unknown,
    readonly retryAfterMs: number,
  ) {
    const isOurs = cause instanceof MessagingError;
    super(
      isOurs ? cause.code : 'STORE_UNAVAILABLE',
      isOurs ? cause.message : `The dead letter store keeps no dead letter now (${errorCodeOf(cause)}).`,
      { cause },
    );
  }
}

/** `code` of any error: ours, Node's, or the class name. Short, safe to show and to use as a label. */
export function errorCodeOf(error: unknown): string {
  if (error instanceof Error) {
    const code: unknown = (error as { code?: unknown }).code;
    return typeof code === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(code) ? code : error.name;
  }
  return 'NON_ERROR_THROWN';
}
