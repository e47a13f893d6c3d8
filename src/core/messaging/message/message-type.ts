import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Codec, jsonCodec } from './codec.js';
import { isName } from '../ports/names.js';

export interface MessageTypeOptions<TInput> {
  /** Messages with equal keys keep their order in subscriptions with `ordering: 'key'`. Not empty. */
  readonly key?: (payload: TInput) => string;
  /** Defaults to JSON. */
  readonly codec?: Codec;
  /**
   * `strict`: messages with a key never move to another broker, neither by failover nor by balancing. While theirs does not work they wait
   * in the spool, or publishing is unavailable where there is none. Needs `key`. By default, being published comes before order.
   */
  readonly ordering?: 'strict';
  /**
   * Earlier names of the type. Its handlers consume the topics of these names, too, in the same group, so that what processes with
   * the earlier name publish is handled as this type. Publishing uses `name` only.
   */
  readonly aliases?: readonly string[];
  /** Reserved. Refused at boot. */
  readonly version?: number;
}

/** A topic's name together with what its messages look like. Made by {@link defineMessage}. */
export interface MessageType<TInput = unknown, TOutput = TInput> {
  /** Name of the type and of the topic that carries it. */
  readonly name: string;
  readonly schema: StandardSchemaV1<TInput, TOutput>;
  readonly key: ((payload: TInput) => string) | undefined;
  readonly codec: Codec;
  readonly ordering: 'strict' | undefined;
  /** Earlier names. Handlers consume their topics as well. */
  readonly aliases: readonly string[];
  /** Reserved. */
  readonly version: number | undefined;
}

/** A message type of whatever payload. */
export interface AnyMessageType extends Omit<MessageType, 'key'> {
  readonly key: ((payload: never) => string) | undefined;
}

/** What a handler of the message type receives. */
export type PayloadOf<T extends AnyMessageType> = StandardSchemaV1.InferOutput<T['schema']>;

/** What `publish` takes for the message type. */
export type InputOf<T extends AnyMessageType> = StandardSchemaV1.InferInput<T['schema']>;

const defaultCodec = jsonCodec();
const NO_ALIASES: readonly string[] = [];

/**
 * Declares a message type.
 *
 * Never throws: what is wrong with the name or the schema is reported at boot, together with all other mistakes.
 *
 * @param name also the topic: letters, digits, `-`, `_` and single dots, at most 200 characters.
 * @param schema any Standard Schema (zod, valibot, arktype, {@link dtoSchema} for class-validator). The payload is
 *   validated when it is published and again when it arrives; the handler receives what the schema makes of it.
 *
 * @example
 * ```ts
 * const OrderPlaced = defineMessage('orders.placed', z.object({ orderId: z.string() }), { key: (order) => order.orderId });
 * ```
 */
export function defineMessage<TSchema extends StandardSchemaV1>(
  name: string,
  schema: TSchema,
  options: MessageTypeOptions<StandardSchemaV1.InferInput<TSchema>> = {},
): MessageType<StandardSchemaV1.InferInput<TSchema>, StandardSchemaV1.InferOutput<TSchema>> {
  return {
    name,
    schema: schema,
    key: options.key,
    codec: options.codec ?? defaultCodec,
    ordering: options.ordering,
    aliases: options.aliases ?? NO_ALIASES,
    version: options.version,
  };
}

/** What is wrong with a message type: one sentence a mistake. */
export function problemsOfMessageType(type: AnyMessageType): string[] {
  const problems: string[] = [];
  if (!isName(type.name)) {
    problems.push(
      `Message type ${JSON.stringify(type.name)} has no usable name: use letters, digits, "-", "_" and single dots, at most 200 characters.`,
    );
  }
  if (type.ordering === 'strict' && !type.key) {
    problems.push(
      `Message type "${type.name}" wants strict order and has no key whose messages could be in order. Give it \`key\`, or leave \`ordering\` out.`,
    );
  }
  if (type.version !== undefined) {
    problems.push(
      `Message type "${type.name}" sets \`version\`, which is not yet supported. Remove it, and give a changed message another name, with the earlier one among its \`aliases\` where its schema accepts both.`,
    );
  }
  problems.push(...problemsOfAliases(type));
  const standard: unknown = (type.schema as { '~standard'?: unknown } | undefined)?.['~standard'];
  if (typeof (standard as { validate?: unknown } | undefined)?.validate !== 'function') {
    problems.push(
      `Message type "${type.name}" has a schema without types: it does not implement Standard Schema. Pass a zod, valibot or arktype schema, or wrap a class-validator class in dtoSchema().`,
    );
  }
  return problems;
}

/** None where they are no list, which is a problem of the type. */
export function aliasesOf({ aliases }: AnyMessageType): readonly string[] {
  return Array.isArray(aliases) ? aliases : NO_ALIASES;
}

function problemsOfAliases({ name, aliases }: AnyMessageType): string[] {
  const all: unknown = aliases;
  if (all === undefined) return [];
  if (!Array.isArray(all)) return [`Message type "${name}" has \`aliases\` that are no list of names.`];
  return (all as readonly unknown[]).flatMap((alias, index) => {
    const of = `Message type "${name}" has the alias ${JSON.stringify(alias)}`;
    if (typeof alias !== 'string' || !isName(alias)) return [`${of}, which no topic can have as its name.`];
    if (alias === name) return [`${of}, which is its own name. Remove it.`];
    return all.indexOf(alias) < index ? [`${of} twice. Remove one.`] : [];
  });
}
