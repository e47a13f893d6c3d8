import { OWN_HEADERS, OWN_PREFIX } from '../ports/headers.js';

/**
 * Names of the headers that carry a message's metadata.
 *
 * CloudEvents 1.0 attributes have the `ce_` prefix of its Kafka binding, so that services in other languages take part.
 * `id` is not among them: it is a field of its own on the wire message. Those of ours are in `ports/headers.ts`.
 */
export const HEADER = {
  contentType: 'content-type',
  type: 'ce_type',
  source: 'ce_source',
  time: 'ce_time',
  subject: 'ce_subject',
  correlationId: 'ce_correlationid',
  causationId: 'ce_causationid',
  expiry: 'ce_expirytime',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  attempt: OWN_HEADERS.attempt.name,
  history: OWN_HEADERS.history.name,
  deadLetterId: OWN_HEADERS.deadLetterId.name,
} as const;

/** Beginnings of names that an application may not use: they would forge metadata. `x-msg-` was ours before `x-swy-`. */
export const RESERVED_PREFIXES = ['ce_', OWN_PREFIX, 'x-msg-'] as const;

/** Headers that the application may not set itself. */
export function isReservedHeader(name: string): boolean {
  return name === HEADER.contentType || RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** RFC 9110 token, lower case, because brokers and HTTP gateways fold case differently. */
export const HEADER_NAME = /^[a-z0-9][a-z0-9!#$%&'*+.^_`|~-]{0,127}$/;

/** What would split a header in a text protocol: CR, LF and NUL. */

export const HEADER_FORBIDDEN = /[\r\n\0]/;

/** W3C Trace Context, version 00: the all-zero ids are invalid. */
export const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Headers as an application gives them: an object, a `Headers`, a `Map`, or any other iterable of pairs. */
export type ApplicationHeaders = Readonly<Record<string, string>> | Iterable<readonly [string, string]>;
