import { brandInstances } from './brand.js';

/** What a failure says besides its code and message. */
export interface RequestErrorOptions extends ErrorOptions {
  /** The same request may succeed later. @default false */
  readonly retryable?: boolean;
  /** Not worth another try before this. */
  readonly retryAfterMs?: number;
  /** Travels with the failure. JSON. */
  readonly details?: unknown;
}

/**
 * The failure of a request. `messaging.request` rejects with it, and a request handler throws it to say what its asker is to see:
 * code, message and details travel as they are, so they must hold no secret.
 *
 * No `MessagingError`, because its codes are the application's as well as ours.
 */
export class RequestError extends Error {
  static {
    brandInstances(this, 'RequestError');
  }

  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;

  /** @param code of the application's own, in capitals with underscores, such as `OUT_OF_STOCK`; or a `MessagingErrorCode`. */
  constructor(
    readonly code: string,
    message: string,
    { retryable = false, retryAfterMs, details, ...options }: RequestErrorOptions = {},
  ) {
    super(message, options);
    this.name = new.target.name;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
    this.details = details;
  }
}
