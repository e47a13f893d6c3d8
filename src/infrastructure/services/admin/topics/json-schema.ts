import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';

/** A larger schema is not shown: a page of topics must fit into an answer. */
const MAX_BYTES = 16 * 1024;

/** The JSON schema of what is published, or why there is none. */
export type SchemaView =
  | { readonly schema: object }
  /** `unsupported`: its library makes none. `failed`: it could not. `too-large`: over 16 KiB. */
  | { readonly schemaMissing: 'unsupported' | 'failed' | 'too-large' };

/** Made once a schema: an application has its schemas as long as it runs. */
const made = new WeakMap<object, SchemaView>();

/** The schema as JSON schema, draft 2020-12, where its library implements Standard JSON Schema, as zod does. */
export function jsonSchemaOf(schema: StandardSchemaV1): SchemaView {
  let view = made.get(schema);
  if (!view) {
    view = make(schema);
    made.set(schema, view);
  }
  return view;
}

function make(schema: StandardSchemaV1): SchemaView {
  const { jsonSchema } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props>;
  if (typeof jsonSchema?.input !== 'function') return { schemaMissing: 'unsupported' };
  try {
    const found = jsonSchema.input({
      target: 'draft-2020-12',
      // Of zod: a part that JSON cannot describe, such as a date, permits everything.
      libraryOptions: { unrepresentable: 'any' },
    });
    const text = JSON.stringify(found);
    if (Buffer.byteLength(text) > MAX_BYTES) return { schemaMissing: 'too-large' };
    return { schema: JSON.parse(text) as object };
  } catch {
    return { schemaMissing: 'failed' };
  }
}
