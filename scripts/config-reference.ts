import { variableName } from '../src/config/environment.js';
import { allowedBy } from '../src/config/explain.js';
import type { Shape } from '../src/config/shape.js';
import { formatDuration, formatSize } from '../src/config/units.js';

/** One key in the reference. */
export interface ReferenceEntry {
  readonly key: string;
  /** Undefined for keys within a list, because a list is one variable. */
  readonly variable: string | undefined;
  readonly allowed: string;
  /** As a user writes it; undefined when there is none. */
  readonly default: string | undefined;
  readonly description: string;
  /** For keys of a transport: the kind that has it. */
  readonly kind?: string;
}

/** Placeholder for a name that the user chooses. */
const EXAMPLE_NAME = 'local';

/** Every key of the schema, in its order. */
export function referenceOf(shape: Shape): ReferenceEntry[] {
  return entriesOf(shape, { path: [], variable: [] });
}

interface Place {
  readonly path: readonly string[];
  readonly variable: readonly string[];
  readonly kind?: string;
}

function entriesOf(shape: Shape, place: Place): ReferenceEntry[] {
  switch (shape.kind) {
    case 'group':
      return [...shape.keys].flatMap(([key, below]) => entriesOf(below, inside(place, key, key)));
    case 'map':
      return [entryOf(shape, place), ...entriesOf(shape.value, inside(place, '<name>', EXAMPLE_NAME))];
    case 'variants':
      return [...shape.options].flatMap(([kind, option]) => entriesOf(option, { ...place, kind }));
    case 'list':
      return [entryOf(shape, place), ...(shape.item.kind === 'group' ? itemsOf(shape.item, place) : [])];
    case 'value':
      return [entryOf(shape, place)];
  }
}

function itemsOf(item: Shape, place: Place): ReferenceEntry[] {
  const path = [...place.path.slice(0, -1), `${place.path.at(-1) ?? ''}[]`];
  return entriesOf(item, { ...place, path }).map((entry) => ({ ...entry, variable: undefined }));
}

function inside(place: Place, key: string, variable: string): Place {
  return { ...place, path: [...place.path, key], variable: [...place.variable, variable] };
}

function entryOf(shape: Shape, { path, variable, kind }: Place): ReferenceEntry {
  return {
    key: path.join('.'),
    variable: variableName(variable),
    allowed: allowedBy(shape),
    default: writtenDefault(shape),
    description: shape.description ?? '',
    ...(kind !== undefined && { kind }),
  };
}

function writtenDefault(shape: Shape): string | undefined {
  const value = shape.default;
  if (value === undefined) return undefined;
  if (typeof value === 'number' && shape.kind === 'value') {
    if (shape.type === 'duration') return formatDuration(value);
    if (shape.type === 'size') return formatSize(value);
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
