import { MessagingError, type MessagingErrorCode } from '../../../../core/messaging/ports/errors.js';
import {
  type BrokerFailure,
  codeOf,
  isCertificateError,
  isOurs,
  ownFailure,
} from '../../../../core/messaging/transport-kit/broker-failure.js';

/** Reply codes of AMQP 0-9-1 that a broker closes a channel or connection with. */
export const REPLY = {
  contentTooLarge: 311,
  connectionForced: 320,
  accessRefused: 403,
  notFound: 404,
  resourceLocked: 405,
  preconditionFailed: 406,
  frameError: 501,
  notAllowed: 530,
  internalError: 541,
} as const;

/** Reply code of an error, wherever the client has put it. */
export function replyCodeOf(cause: unknown): number | undefined {
  const code = codeOf(cause);
  if (typeof code === 'number') return code;
  const said =
    /(?:Handshake terminated by server|Operation failed|closed(?: by server)?)[^0-9]*(\d{3})\b/.exec(
      textOf(cause),
    );
  if (said) return Number(said[1]);
  // A virtual host that does not exist: the client shows the frame that it did not expect.
  return /Expected ConnectionOpenOk; got <ConnectionClose/.test(textOf(cause)) ? REPLY.notAllowed : undefined;
}

/** Another try fails in the same way until the configuration or the permissions change. */
export function isFatal(cause: unknown): boolean {
  const code = replyCodeOf(cause);
  return code === REPLY.accessRefused || code === REPLY.notAllowed || isCertificateError(cause);
}

/** Why a connection attempt failed, as the end of a sentence. */
export function reasonOf(cause: unknown): string {
  const code = replyCodeOf(cause);
  if (code === REPLY.accessRefused) return ': it rejects the user or password (ACCESS_REFUSED)';
  if (code === REPLY.notAllowed)
    return ': the virtual host does not exist, or the user may not use it (NOT_ALLOWED)';
  if (isCertificateError(cause)) return `: its certificate is not trusted (${String(codeOf(cause))})`;
  const own = codeOf(cause);
  if (typeof own === 'string') return ` (${own})`;
  if (code !== undefined) return ` (${code})`;
  if (/ETIMEDOUT/.test(textOf(cause))) return ' (ETIMEDOUT)';
  return /Socket closed abruptly/.test(textOf(cause))
    ? ': it closed the connection during the handshake'
    : '';
}

/** @param wasSent false while the request cannot have reached the broker. */
export function failureOf(cause: unknown, server: string, wasSent: boolean): BrokerFailure {
  if (isOurs(cause)) return ownFailure(cause, wasSent);
  const code = replyCodeOf(cause);
  const error = (messagingCode: MessagingErrorCode, text: string): MessagingError =>
    new MessagingError(messagingCode, `${server} ${text}`);
  if (code === REPLY.accessRefused) {
    const text = `does not permit an operation to this user. The broker says: ${said(cause)}`;
    return { kind: 'refused', error: error('FORBIDDEN', text) };
  }
  if (code === REPLY.preconditionFailed)
    return {
      kind: 'refused',
      error: error('CONFLICT', `refuses the operation. The broker says: ${said(cause)}`),
    };
  if (code === REPLY.notFound) {
    const text = `no longer has an exchange or queue that was declared; another client has deleted it. It is declared again. The broker says: ${said(cause)}`;
    return { kind: 'unavailable', error: error('TRANSPORT_UNAVAILABLE', text) };
  }
  if (wasSent) {
    const text = 'lost the connection while a message or request was in flight.';
    return { kind: 'unknown', error: error('TRANSPORT_UNAVAILABLE', text) };
  }
  const text = 'is not connected. It reconnects by itself.';
  return { kind: 'unavailable', error: error('TRANSPORT_UNAVAILABLE', text) };
}

/** The broker's own words, which name queues and users but no password, on one line of bounded length. */
export function said(cause: unknown): string {
  const text = textOf(cause);
  const quoted = /with message "(.*)"/s.exec(text)?.[1] ?? text;
  return quoted.replace(/\s+/g, ' ').slice(0, 400);
}

function textOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null || !('message' in cause)) return '';
  return String(cause.message);
}
