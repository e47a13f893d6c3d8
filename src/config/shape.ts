import { z } from 'zod';

/**
 * The values that a schema accepts, in the terms that variables, mistakes and the reference need. Derived from the
 * schema, so that all of them match what is checked.
 */
export type Shape = (GroupShape | MapShape | VariantsShape | ListShape | ValueShape) & {
  readonly description?: string;
  readonly default?: unknown;
  /** Never shown, not even in the message about a mistake. */
  readonly secret?: boolean;
  /** In words, where the kind of value is not enough. */
  readonly allowed?: string;
};

export interface GroupShape {
  readonly kind: 'group';
  readonly keys: ReadonlyMap<string, Shape>;
}

/** Any name, each with the same kind of value. */
interface MapShape {
  readonly kind: 'map';
  readonly value: Shape;
}

/** One of several groups; the value of the key `by` says which. */
export interface VariantsShape {
  readonly kind: 'variants';
  readonly by: string;
  readonly options: ReadonlyMap<string, Shape & GroupShape>;
}

interface ListShape {
  readonly kind: 'list';
  readonly item: Shape;
}

export interface ValueShape {
  readonly kind: 'value';
  readonly type: 'text' | 'number' | 'boolean' | 'choice' | 'duration' | 'size';
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

/** Reads the shape of a schema. `key` is the name of its key, whose unit decides how a number may be written. */
export function shapeOf(schema: unknown, key = ''): Shape {
  const { inner, about } = unwrap(schema as z.ZodType);
  return { ...about, ...contentOf(inner, key) };
}

type About = Pick<Shape, 'description' | 'default' | 'secret' | 'allowed'>;

function unwrap(schema: z.ZodType): { inner: z.ZodType; about: About } {
  let about: About = {};
  let inner = schema;
  for (;;) {
    // The outermost setting counts, as it does when the value is parsed.
    about = { ...(inner.meta() as About | undefined), ...about };
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
      about = { default: inner.def.defaultValue, ...about };
      inner = inner.unwrap() as z.ZodType;
    } else if (inner instanceof z.ZodOptional || inner instanceof z.ZodReadonly) {
      inner = inner.unwrap() as z.ZodType;
    } else {
      return { inner, about };
    }
  }
}

function contentOf(schema: z.ZodType, key: string): Shape {
  if (schema instanceof z.ZodObject) return groupOf(schema);
  if (schema instanceof z.ZodRecord) return { kind: 'map', value: shapeOf(schema.valueType) };
  if (schema instanceof z.ZodArray) return { kind: 'list', item: shapeOf(schema.element) };
  if (schema instanceof z.ZodDiscriminatedUnion) return variantsOf(schema);
  return valueOf(schema, key);
}

function groupOf(schema: z.ZodObject): Shape & GroupShape {
  const keys = Object.entries(schema.shape).map(([key, value]) => [key, shapeOf(value, key)] as const);
  return { kind: 'group', keys: new Map(keys) };
}

function variantsOf(schema: z.ZodDiscriminatedUnion): Shape {
  const by = schema.def.discriminator;
  const options = schema.options.map((option) => {
    const group = groupOf(option as z.ZodObject);
    const choice = group.keys.get(by);
    return [choice?.kind === 'value' ? String(choice.choices?.[0]) : '', group] as const;
  });
  return { kind: 'variants', by, options: new Map(options) };
}

function valueOf(schema: z.ZodType, key: string): ValueShape {
  if (schema instanceof z.ZodEnum)
    return { kind: 'value', type: 'choice', choices: schema.options.map(String) };
  if (schema instanceof z.ZodLiteral)
    return { kind: 'value', type: 'choice', choices: [...schema.values].map(String) };
  if (schema instanceof z.ZodBoolean) return { kind: 'value', type: 'boolean' };
  if (schema instanceof z.ZodString) return { kind: 'value', type: 'text' };
  if (schema instanceof z.ZodNumber) return numberOf(schema, key);
  throw new TypeError(
    `The configuration schema uses ${schema.def.type} for "${key}", which has no textual form.`,
  );
}

function numberOf(schema: z.ZodNumber, key: string): ValueShape {
  const type = key.endsWith('Ms') ? 'duration' : /bytes$/i.test(key) ? 'size' : 'number';
  return {
    kind: 'value',
    type,
    ...(isBound(schema.minValue) && { min: schema.minValue }),
    ...(isBound(schema.maxValue) && { max: schema.maxValue }),
  };
}

/** For a schema without a bound, Zod returns the largest safe integers, or infinities. */
function isBound(value: number | null): value is number {
  return value !== null && Math.abs(value) < Number.MAX_SAFE_INTEGER;
}

/** The shape below one segment of a path; `value` decides between variants. Undefined when there is none. */
export function childOf(shape: Shape, segment: string, value: unknown): Shape | undefined {
  switch (shape.kind) {
    case 'group':
      return shape.keys.get(segment);
    case 'map':
      return shape.value;
    case 'list':
      return /^\d+$/.test(segment) ? shape.item : undefined;
    case 'variants':
      return segment === shape.by ? discriminatorOf(shape) : variantOf(shape, value)?.keys.get(segment);
    case 'value':
      return undefined;
  }
}

function discriminatorOf(shape: VariantsShape): Shape {
  return { kind: 'value', type: 'choice', choices: [...shape.options.keys()] };
}

/** The variant that a value chooses, or undefined. */
export function variantOf(shape: VariantsShape, value: unknown): (Shape & GroupShape) | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const choice: unknown = (value as Record<string, unknown>)[shape.by];
  return typeof choice === 'string' ? shape.options.get(choice) : undefined;
}
