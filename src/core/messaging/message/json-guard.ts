import { InvalidMessageError } from '../ports/errors.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** By byte: levels of nesting that begin with it. */
const LEVELS = byByte({ '{': 1, '[': 1, '}': -1, ']': -1 });
/** By byte: objects and entries of objects that it stands for. */
const MEMBERS = byByte({ '{': 1, ':': 1 });
/** A letter of the names that {@link refusePollution} looks for, written as an escape. */
const ESCAPED_LETTER = /\\u00(?:5f|6[35ef]|7[02-59])/i;

/** What JSON text may hold. */
export interface JsonBounds {
  readonly maxDepth: number;
  /** Objects, and entries of objects. */
  readonly maxMembers: number;
}

/**
 * The bound that JSON text exceeds, if any. Looks at the bytes once and builds nothing. Parsing survives a million
 * levels, but whatever serialises the result later overflows the stack at about ten thousand; and an object of half a
 * million keys takes a second to parse, in which nothing else runs.
 */
export function exceededBound(
  json: Uint8Array,
  { maxDepth, maxMembers }: JsonBounds,
): keyof JsonBounds | undefined {
  // Each level and each object needs two bytes, so short text exceeds nothing.
  if (json.length <= Math.min(maxDepth, maxMembers) * 2) return undefined;
  let depth = 0;
  let members = 0;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index] as number;
    if (byte === QUOTE) {
      index = endOfString(json, index);
      continue;
    }
    depth += LEVELS[byte] as number;
    members += MEMBERS[byte] as number;
    if (depth > maxDepth) return 'maxDepth';
    if (members > maxMembers) return 'maxMembers';
  }
  return undefined;
}

function byByte(values: Readonly<Record<string, number>>): Int8Array {
  const table = new Int8Array(256);
  for (const [char, value] of Object.entries(values)) table[char.charCodeAt(0)] = value;
  return table;
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
 * @param text nearly all of it rules the keys out without a walk; escapes could hide them.
 * @param value what was parsed from it. Left out where it was not parsed: an object says little about its text, because
 *   `toJSON` and getters make others.
 */
export function refusePollution(text: string, value?: unknown): void {
  if (text.includes('__proto__') || text.includes('"constructor"') || hasEscapedLetter(text))
    refuseKeys(value ?? JSON.parse(text));
}

/** The expression alone costs as much as parsing the text, because it stops at each backslash. */
function hasEscapedLetter(text: string): boolean {
  return text.includes('\\u00') && ESCAPED_LETTER.test(text);
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
