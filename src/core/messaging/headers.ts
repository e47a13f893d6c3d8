/**
 * Names of the headers that carry a message's metadata.
 *
 * CloudEvents 1.0 attributes have the `ce_` prefix of its Kafka binding, so that services in other languages take part.
 * `id` is not among them: it is a field of its own on the wire message. `x-msg-` headers are ours.
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
  attempt: 'x-msg-attempt',
  history: 'x-msg-history',
  deadLetterId: 'x-msg-dl-id',
} as const;

/** Headers that the application may not set itself: they would forge metadata. */
export function isReservedHeader(name: string): boolean {
  return name.startsWith('ce_') || name.startsWith('x-msg-') || name === HEADER.contentType;
}

/** RFC 9110 token, lower case, because brokers and HTTP gateways fold case differently. */
export const HEADER_NAME = /^[a-z0-9][a-z0-9!#$%&'*+.^_`|~-]{0,127}$/;

/** What would split a header in a text protocol: CR, LF and NUL. */

export const HEADER_FORBIDDEN = /[\r\n\0]/;

/** W3C Trace Context, version 00: the all-zero ids are invalid. */
export const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
