import { InvalidMessageError } from '../ports/errors.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * True when JSON text nests deeper than `maxDepth`. Looks at the bytes once and builds nothing: parsing survives a
 * million levels, but whatever serialises the result later overflows the stack at about ten thousand.
 */
export function isDeeperThan(json: Uint8Array, maxDepth: number): boolean {
  // Each level needs two bytes, so short text cannot be deep.
  if (json.length <= maxDepth * 2) return false;
  let depth = 0;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index];
    if (byte === QUOTE) {
      index = endOfString(json, index);
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > maxDepth) return true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
    }
  }
  return false;
}

function endOfString(json: Uint8Array, start: number): number {
  let index = start;
  for (;;) {
    index = json.indexOf(QUOTE, index + 1);
    if (index < 0) return json.length;
    let backslashes = 0;
    while (json[index - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return index;
  }
}

/**
 * Throws `PAYLOAD_INVALID` when parsed JSON carries a key that pollutes prototypes once the object is merged:
 * `__proto__`, or `constructor` with a `prototype` in it.
 *
 * @param text what `value` was parsed from. Nearly all text rules the keys out without a walk; escapes could hide them.
 */
export function refusePollution(text: string, value: unknown): void {
  if (text.includes('__proto__') || text.includes('"constructor"') || text.includes('\\u')) refuseKeys(value);
}

function refuseKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value as Record<string, unknown>)) {
    const isPrototype = key === '__proto__';
    const isConstructor =
      key === 'constructor' &&
      typeof child === 'object' &&
      child !== null &&
      Object.hasOwn(child, 'prototype');
    if (isPrototype || isConstructor) {
      throw new InvalidMessageError(
        'PAYLOAD_INVALID',
        `The payload has the key "${isPrototype ? '__proto__' : 'constructor.prototype'}", which changes other objects when merged. Rename it.`,
      );
    }
    refuseKeys(child);
  }
}
