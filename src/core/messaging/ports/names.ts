import { InvalidMessageError } from './errors.js';

/** First character alphanumeric, then up to 199 of letters, digits, dot, underscore and hyphen. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/** Line breaks and other control characters. In an id they split lines, headers and commands. */
const CONTROL = /\p{Cc}/u;

/** True for text with a control character: C0 with CR and LF, DEL, C1. */
export function hasControls(text: string): boolean {
  return CONTROL.test(text);
}

/** True for a topic or group name that every transport can carry and no tool can misread as a path or pattern. */
export function isName(name: string): boolean {
  return NAME.test(name) && !name.includes('..') && !name.endsWith('.');
}

/** @throws InvalidMessageError `TOPIC_INVALID` unless `name` may name a topic or a group. */
export function assertName(kind: 'topic' | 'group', name: string): void {
  if (isName(name)) return;
  throw new InvalidMessageError(
    'TOPIC_INVALID',
    `${JSON.stringify(name).slice(0, 80)} cannot name a ${kind}: use 1 to 200 letters, digits, "-", "_" and single dots, ` +
      'starting with a letter or digit.',
  );
}
