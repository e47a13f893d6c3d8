import { OWN_HEADERS, ownText } from '../ports/headers.js';
import type { FailedAttempt } from '../ports/dead-letter-store.js';

const MAX_ENTRIES = 20;
const MAX_TYPE_LENGTH = 60;

/** `attempt@milliseconds:ErrorType`. */
const ENTRY = /^(\d{1,7})@(\d{1,15}):([A-Za-z0-9_.$-]{1,60})$/;

/**
 * The failed attempts that a message has behind it, oldest first.
 *
 * They travel with the message, in a header, because no transport remembers them. A foreign or truncated header
 * yields the entries that can be read.
 */
export function readHistory(headers: Readonly<Record<string, string>>): FailedAttempt[] {
  const text = ownText(headers, OWN_HEADERS.history);
  if (text === undefined) return [];
  const entries: FailedAttempt[] = [];
  for (const part of text.split(',').slice(-MAX_ENTRIES)) {
    const [, attempt, at, errorType] = ENTRY.exec(part) ?? [];
    if (attempt === undefined || at === undefined || errorType === undefined) continue;
    entries.push({ attempt: Number(attempt), at: Number(at), errorType });
  }
  return entries;
}

/**
 * The header to lay over a message that is tried again: what it had, and the attempt that has just failed. Keeps the
 * latest 20 attempts and at most 2 KiB.
 */
export function appendHistory(
  headers: Readonly<Record<string, string>>,
  entry: FailedAttempt,
): Record<string, string> {
  let parts = [...readHistory(headers), entry].slice(-MAX_ENTRIES).map(format);
  while (parts.length > 1 && parts.join(',').length > OWN_HEADERS.history.maxLength) parts = parts.slice(1);
  return { [OWN_HEADERS.history.name]: parts.join(',') };
}

function format({ attempt, at, errorType }: FailedAttempt): string {
  const type = errorType.replace(/[^A-Za-z0-9_.$-]/g, '').slice(0, MAX_TYPE_LENGTH);
  return `${Math.trunc(attempt)}@${Math.trunc(at)}:${type === '' ? 'Error' : type}`;
}
