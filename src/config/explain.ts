import type { z } from 'zod';

import { nearestName } from './did-you-mean.js';
import { foundValue, shownKey } from './found-value.js';
import type { Settings } from './settings.js';
import { childOf, type Shape, type ValueShape, variantOf } from './shape.js';
import { formatDuration, formatSize } from './units.js';

/** The names that transports and applications may have; they become part of paths and labels. */
export const ALLOWED_NAME = '1 to 64 letters, digits, "-" and "_", starting with a letter or digit';

/** One sentence for each mistake that the schema found: key, source, value found, values allowed. */
export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  shape: Shape,
  settings: Settings,
): string[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) =>
        explainUnknown([...path, key], shapeAt(shape, path, settings), settings),
      );
    }
    if (issue.code === 'invalid_key') {
      return [`${label(path, settings)} cannot be a name. Allowed: ${ALLOWED_NAME}.`];
    }
    if (issue.code === 'custom') return [`${label(path, settings)} ${issue.message}`]; // about several keys together
    return [explainValue(path, shapeAt(shape, path, settings), settings)];
  });
}

/** The key and its source, which begin every problem. */
export function label(path: readonly string[], settings: Settings): string {
  const origin = settings.originOf(path);
  const text = settings.pathText(path, shownKey);
  return origin === undefined ? text : `${text} (${origin})`;
}

/** Keys that later versions will have. */
const RESERVED: ReadonlySet<string> = new Set(['sql']);

function explainUnknown(path: readonly string[], group: Shape | undefined, settings: Settings): string {
  if (RESERVED.has(path.join('.')))
    return `${label(path, settings)} is reserved for a later version and not yet available. Remove it.`;
  const known = namesIn(group, settings.get(path.slice(0, -1)));
  const nearest = nearestName(path.at(-1) ?? '', known);
  const hint = nearest === undefined ? `Known keys: ${known.join(', ')}.` : `Did you mean "${nearest}"?`;
  return `${label(path, settings)} is not a known key. ${hint}`;
}

function namesIn(group: Shape | undefined, value: unknown): string[] {
  if (group?.kind === 'group') return [...group.keys.keys()];
  return group?.kind === 'variants' ? [...(variantOf(group, value)?.keys.keys() ?? [])] : [];
}

function explainValue(path: readonly string[], shape: Shape | undefined, settings: Settings): string {
  const value = settings.get(path);
  const isSecret = shape?.secret === true || settings.isHidden(path);
  const found = value === undefined ? 'is missing' : `is ${foundValue(value, shape, isSecret)}`;
  return `${label(path, settings)} ${found}. Allowed: ${shape === undefined ? 'another value' : allowedBy(shape)}.`;
}

/** The values that a key accepts, in words. */
export function allowedBy(shape: Shape): string {
  if (shape.allowed !== undefined) return shape.allowed;
  switch (shape.kind) {
    case 'group':
      return `a group with the keys ${[...shape.keys.keys()].join(', ')}`;
    case 'map':
      return 'names, each with its own keys below it';
    case 'list':
      return shape.item.kind === 'group'
        ? `a list of groups with ${[...shape.item.keys.keys()].join(', ')}`
        : 'a list';
    case 'variants':
      return `a group whose ${shape.by} is one of ${[...shape.options.keys()].join(', ')}`;
    case 'value':
      return allowedValue(shape);
  }
}

function allowedValue(shape: ValueShape): string {
  switch (shape.type) {
    case 'choice':
      return (shape.choices ?? []).join(', ');
    case 'boolean':
      return 'true, false';
    case 'text':
      return 'text';
    case 'number':
      return `a whole number${range(shape, String)}`;
    case 'duration':
      return `a duration such as 500ms, 30s, 5m${range(shape, formatDuration)}`;
    case 'size':
      return `a size such as 64KiB, 512MiB${range(shape, formatSize)}`;
  }
}

function range({ min, max }: ValueShape, format: (value: number) => string): string {
  if (min !== undefined && max !== undefined) return `, from ${format(min)} to ${format(max)}`;
  if (min !== undefined) return `, at least ${format(min)}`;
  return max === undefined ? '' : `, at most ${format(max)}`;
}

function shapeAt(shape: Shape, path: readonly string[], settings: Settings): Shape | undefined {
  return path.reduce<Shape | undefined>(
    (at, segment, index) => at && childOf(at, segment, settings.get(path.slice(0, index))),
    shape,
  );
}
