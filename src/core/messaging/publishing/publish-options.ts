import type { MessageLimits } from '../message/message-limits.js';
import { InvalidMessageError } from '../ports/errors.js';
import { OWN_HEADERS } from '../ports/headers.js';
import { hasControls } from '../ports/names.js';
import type { Clock } from '../ports/transport.js';
import type { ApplicationHeaders } from '../message/headers.js';
import { readHeaders } from './application-headers.js';

/** What a single publish may ask for. */
export interface PublishMessageOptions {
  /** Overrides the key of the message type. At most 512 characters, no control characters. */
  readonly key?: string;
  /**
   * Headers of the application's own: an object, a `Headers`, a `Map`, or another iterable of pairs. Lower-case names, each
   * once, that begin with none of `ce_`, `x-swy-` and `x-msg-`; values without CR, LF and NUL.
   */
  readonly headers?: ApplicationHeaders;
  /** Stable id, so that publishing again after an error is recognised as the same message. Defaults to a new UUIDv7. */
  readonly messageId?: string;
  /** Deliver not before this long from now. At most 30 days. Rounded up. Not together with `deliverAt`. */
  readonly delayMs?: number;
  /** Deliver not before this time. At most 30 days ahead; a time in the past means at once. */
  readonly deliverAt?: Date;
  /** A handler that would get it later than this from now does not: it becomes a dead letter with reason `expired`. Rounded up. */
  readonly expiresInMs?: number;
  /** Defaults to that of the message being handled, if any. */
  readonly correlationId?: string;
  /** Longest wait for the receipt. Rounded up. Defaults to `publishDeadlineMs` of the module. */
  readonly deadlineMs?: number;
}

const MAX_DELAY_MS = 30 * 24 * 3_600_000;
const MAX_EXPIRY_MS = 366 * 24 * 3_600_000;
const MAX_DEADLINE_MS = 3_600_000;
const MAX_KEY_LENGTH = OWN_HEADERS.key.maxLength;
/** Visible ASCII: ids end up in log lines, header tables and URLs. */
const ID = /^[\x21-\x7e]{1,200}$/;

/** Options that were checked: each was read once, times are whole milliseconds, headers a plain object. */
export interface CheckedPublishOptions extends Omit<PublishMessageOptions, 'headers'> {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Throws `OPTION_INVALID` or `HEADER_INVALID` for the first option that is out of range. Sends nothing. */
export function readPublishOptions(
  options: PublishMessageOptions,
  limits: MessageLimits,
): CheckedPublishOptions {
  const { key, headers, messageId, correlationId, deliverAt } = options;
  const delayMs = wholeMs('delayMs', options.delayMs, MAX_DELAY_MS);
  const expiresInMs = wholeMs('expiresInMs', options.expiresInMs, MAX_EXPIRY_MS);
  const deadlineMs = wholeMs('deadlineMs', options.deadlineMs, MAX_DEADLINE_MS);
  checkId('messageId', messageId);
  checkId('correlationId', correlationId);
  if (deliverAt !== undefined) checkDeliverAt(deliverAt, delayMs);
  return {
    ...(key !== undefined && { key }),
    ...(headers !== undefined && { headers: readHeaders(headers, limits) }),
    ...(messageId !== undefined && { messageId }),
    ...(correlationId !== undefined && { correlationId }),
    ...(deliverAt !== undefined && { deliverAt }),
    ...(delayMs !== undefined && { delayMs }),
    ...(expiresInMs !== undefined && { expiresInMs }),
    ...(deadlineMs !== undefined && { deadlineMs }),
  };
}

/** Throws `OPTION_INVALID` unless the key can travel on every transport. */
export function checkKey(key: string): void {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_LENGTH && !hasControls(key)) return;
  throw invalid('key', key, `text of 1 to ${MAX_KEY_LENGTH} characters without control characters`);
}

/** How long from now the message must be kept from its consumers, in whole milliseconds; 0 for not at all. */
export function delayOf(options: Pick<CheckedPublishOptions, 'delayMs' | 'deliverAt'>, clock: Clock): number {
  if (options.deliverAt === undefined) return options.delayMs ?? 0;
  const delayMs = Math.ceil(options.deliverAt.getTime() - clock.now());
  if (delayMs > MAX_DELAY_MS)
    throw invalid('deliverAt', options.deliverAt.toISOString(), 'at most 30 days ahead');
  return Math.max(0, delayMs);
}

/** Rounded up: brokers take whole milliseconds only, and a message must not come too early. */
function wholeMs(name: string, value: number | undefined, max: number): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isFinite(value) && value >= 0 && value <= max) return Math.ceil(value);
  throw invalid(name, value, `a number from 0 to ${max}`);
}

function checkId(name: string, value: string | undefined): void {
  if (value === undefined || (typeof value === 'string' && ID.test(value))) return;
  throw invalid(name, value, '1 to 200 visible ASCII characters');
}

function checkDeliverAt(deliverAt: unknown, delayMs: number | undefined): void {
  if (delayMs !== undefined) throw invalid('deliverAt', deliverAt, 'left out when delayMs is given');
  if (!(deliverAt instanceof Date) || Number.isNaN(deliverAt.getTime())) {
    throw invalid('deliverAt', deliverAt, 'a valid Date');
  }
}

function invalid(name: string, found: unknown, allowed: string): InvalidMessageError {
  const shown = (JSON.stringify(found) as string | undefined)?.slice(0, 80) ?? typeof found;
  return new InvalidMessageError(
    'OPTION_INVALID',
    `Publish option ${name} is ${shown}; it must be ${allowed}.`,
  );
}
