import {
  HEADER,
  HEADER_FORBIDDEN,
  HEADER_NAME,
  isReservedHeader,
  RESERVED_PREFIXES,
  TRACEPARENT,
} from '../message/headers.js';
import type { MessageLimits } from '../message/message-limits.js';
import { InvalidMessageError } from '../ports/errors.js';
import { OWN_HEADERS } from '../ports/headers.js';
import type { Clock } from '../ports/transport.js';

/** What a single publish may ask for. */
export interface PublishMessageOptions {
  /** Overrides the key of the message type. At most 512 characters, no control characters. */
  readonly key?: string;
  /** Headers of the application's own. Lower-case names that begin with none of `ce_`, `x-swy-` and `x-msg-`; values without
   * CR, LF and NUL. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Stable id, so that publishing again after an error is recognised as the same message. Defaults to a new UUIDv7. */
  readonly messageId?: string;
  /** Deliver not before this long from now. At most 30 days. Not together with `deliverAt`. */
  readonly delayMs?: number;
  /** Deliver not before this time. At most 30 days ahead; a time in the past means at once. */
  readonly deliverAt?: Date;
  /** Handlers that would get it later than this from now do not: it becomes a dead letter with reason `expired`. */
  readonly expiresInMs?: number;
  /** Defaults to that of the message being handled, if any. */
  readonly correlationId?: string;
  /** Longest wait for the receipt. Defaults to `publishDeadlineMs` of the module. */
  readonly deadlineMs?: number;
}

const MAX_DELAY_MS = 30 * 24 * 3_600_000;
const MAX_EXPIRY_MS = 366 * 24 * 3_600_000;
const MAX_DEADLINE_MS = 3_600_000;
const MAX_KEY_LENGTH = OWN_HEADERS.key.maxLength;
/** Visible ASCII: ids end up in log lines, header tables and URLs. */
const ID = /^[\x21-\x7e]{1,200}$/;

/** Throws `OPTION_INVALID` or `HEADER_INVALID` for the first option that is out of range. Sends nothing. */
export function checkPublishOptions(options: PublishMessageOptions, limits: MessageLimits): void {
  checkRange('delayMs', options.delayMs, MAX_DELAY_MS);
  checkRange('expiresInMs', options.expiresInMs, MAX_EXPIRY_MS);
  checkRange('deadlineMs', options.deadlineMs, MAX_DEADLINE_MS);
  checkId('messageId', options.messageId);
  checkId('correlationId', options.correlationId);
  if (options.deliverAt !== undefined) checkDeliverAt(options);
  if (options.headers !== undefined) checkHeaders(options.headers, limits);
}

/** Throws `OPTION_INVALID` unless the key can travel on every transport. */
export function checkKey(key: string): void {
  if (
    typeof key === 'string' &&
    key.length > 0 &&
    key.length <= MAX_KEY_LENGTH &&
    !HEADER_FORBIDDEN.test(key)
  )
    return;
  throw invalid('key', key, `text of 1 to ${MAX_KEY_LENGTH} characters without CR, LF and NUL`);
}

/** How long from now the message must be kept from its consumers; 0 for not at all. */
export function delayOf(options: PublishMessageOptions, clock: Clock): number {
  if (options.deliverAt === undefined) return options.delayMs ?? 0;
  const delayMs = options.deliverAt.getTime() - clock.now();
  if (delayMs > MAX_DELAY_MS)
    throw invalid('deliverAt', options.deliverAt.toISOString(), 'at most 30 days ahead');
  return Math.max(0, delayMs);
}

function checkRange(name: string, value: number | undefined, max: number): void {
  if (value === undefined || (Number.isFinite(value) && value >= 0 && value <= max)) return;
  throw invalid(name, value, `a number from 0 to ${max}`);
}

function checkId(name: string, value: string | undefined): void {
  if (value === undefined || ID.test(value)) return;
  throw invalid(name, value, '1 to 200 visible ASCII characters');
}

function checkDeliverAt(options: PublishMessageOptions): void {
  if (options.delayMs !== undefined) {
    throw invalid('deliverAt', options.deliverAt, 'left out when delayMs is given');
  }
  if (!(options.deliverAt instanceof Date) || Number.isNaN(options.deliverAt.getTime())) {
    throw invalid('deliverAt', options.deliverAt, 'a valid Date');
  }
}

function invalid(name: string, found: unknown, allowed: string): InvalidMessageError {
  const shown = (JSON.stringify(found) as string | undefined)?.slice(0, 80) ?? typeof found;
  return new InvalidMessageError(
    'OPTION_INVALID',
    `Publish option ${name} is ${shown}; it must be ${allowed}.`,
  );
}

function checkHeaders(headers: Readonly<Record<string, string>>, limits: MessageLimits): void {
  const entries = Object.entries(headers);
  let bytes = 0;
  for (const [name, value] of entries) {
    checkHeader(name, value);
    bytes += name.length + Buffer.byteLength(value);
  }
  if (entries.length > limits.maxHeaders || bytes > limits.maxHeaderBytes) {
    throw new InvalidMessageError(
      'HEADER_INVALID',
      `${entries.length} headers with ${bytes} bytes exceed the limit of ${limits.maxHeaders} headers and ${limits.maxHeaderBytes} bytes. Put data into the payload.`,
    );
  }
}

function checkHeader(name: string, value: unknown): void {
  const shown = JSON.stringify(name.slice(0, 80));
  if (!HEADER_NAME.test(name)) {
    throw new InvalidMessageError(
      'HEADER_INVALID',
      `${shown} cannot name a header: use a lower-case token of at most 128 characters.`,
    );
  }
  if (isReservedHeader(name)) {
    throw new InvalidMessageError(
      'HEADER_INVALID',
      `Header ${shown} is set by the messaging module; choose one that does not begin with ${RESERVED_PREFIXES.join(', ')}.`,
    );
  }
  if (typeof value !== 'string' || HEADER_FORBIDDEN.test(value)) {
    throw new InvalidMessageError('HEADER_INVALID', `Header ${shown} must be text without CR, LF and NUL.`);
  }
  if (name === HEADER.traceparent && !TRACEPARENT.test(value)) {
    throw new InvalidMessageError(
      'HEADER_INVALID',
      'Header "traceparent" is not a W3C trace context, version 00.',
    );
  }
}
