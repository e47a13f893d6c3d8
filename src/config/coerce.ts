import { isGroup } from './settings.js';
import { childOf, type Shape, type ValueShape } from './shape.js';
import { parseDuration, parseSize } from './units.js';

const NUMBER = /^-?\d{1,15}(\.\d{1,9})?$/;
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

/**
 * Turns texts into what the shape asks for: numbers, booleans, durations and sizes. What cannot be turned stays as it
 * is, for the schema to refuse.
 */
export function coerce(shape: Shape | undefined, value: unknown): unknown {
  if (shape === undefined) return value;
  if (shape.kind === 'value') return typeof value === 'string' ? fromText(shape, value) : value;
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

function fromText(shape: ValueShape, text: string): unknown {
  switch (shape.type) {
    case 'duration':
      return parseDuration(text) ?? text;
    case 'size':
      return parseSize(text) ?? text;
    case 'number':
      return NUMBER.test(text.trim()) ? Number(text) : text;
    case 'boolean':
      return BOOLEANS.get(text) ?? text;
    case 'text':
    case 'choice':
      return text;
  }
}
