import { MessagingConfigurationError, MessagingError } from '../ports/errors.js';

/**
 * What an error of a broker's client means for whatever was under way: `unavailable` was certainly not carried out, `unknown` may
 * have been, `refused` never will be as it is.
 *
 * Each broker has one file that makes these, and that knows after which errors a new connection is no use.
 */
export interface BrokerFailure {
  readonly kind: 'unavailable' | 'unknown' | 'refused';
  readonly error: MessagingError;
}

/** Missing topology is not among them: it can be created, and another transport or a spool can take the message. */
const REFUSED: readonly string[] = ['FORBIDDEN', 'CONFLICT', 'CONFIGURATION', 'TOPIC_INVALID'];

/** Without `instanceof` of `Error`: errors of Node's own modules come from another realm inside test runners. */
export function isOurs(cause: unknown): cause is MessagingError {
  return cause instanceof MessagingError || cause instanceof MessagingConfigurationError;
}

/** What one of our own errors means. It explains itself. */
export function ownFailure(error: MessagingError, wasSent: boolean): BrokerFailure {
  if (REFUSED.includes(error.code)) return { kind: 'refused', error };
  return { kind: wasSent ? 'unknown' : 'unavailable', error };
}

/** `code` of whatever was thrown. */
export function codeOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
}

/** The certificate of the server is not trusted, which no new connection changes. */
export function isCertificateError(cause: unknown): boolean {
  const code = codeOf(cause);
  return typeof code === 'string' && /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_SSL/.test(code);
}
