import { isGroup } from './settings.js';
import { childOf, type Shape, type ValueShape } from './shape.js';
import { parseDuration, parseSize } from './units.js';

const NUMBER = /^-?\d{1,15}(\.\d{1,9})?$/;
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

const READERS: Readonly<Record<ValueShape['type'], (text: string) => unknown>> = {
  text: (text) => text,
  choice: (text) => text,
  number: (text) => (NUMBER.test(text.trim()) ? Number(text) : text),
  boolean: (text) => BOOLEANS.get(text) ?? text,
  duration: (text) => parseDuration(text) ?? text,
  size: (text) => parseSize(text) ?? text,
};

/**
 * Converts texts to the types of the shape: numbers, booleans, durations and sizes. A text that cannot be converted
 * stays as it is, and the schema rejects it.
 */
export function coerce(shape: Shape | undefined, value: unknown): unknown {
  if (shape === undefined) return value;
  if (shape.kind === 'value') return typeof value === 'string' ? READERS[shape.type](value) : value;
  if (Array.isArray(value))
    return value.map((item, index) => coerce(childOf(shape, String(index), value), item));
  if (!isGroup(value)) return value;
  const result = Object.create(null) as Record<string, unknown>;
  for (const [key, below] of Object.entries(value)) {
    // A key without a value (`admin:` and nothing under it) is a key that was not given.
    if (below !== null) result[key] = coerce(childOf(shape, key, value), below);
  }
  return result;
}
