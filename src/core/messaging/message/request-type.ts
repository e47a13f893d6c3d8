import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Codec } from './codec.js';
import {
  type AnyMessageType,
  defineMessage,
  type MessageType,
  problemsOfMessageType,
} from './message-type.js';

export interface RequestTypeOptions {
  /** Of the request and of its reply. Defaults to JSON. */
  readonly codec?: Codec;
}

/** A message type that is answered. Made by {@link defineRequest}. */
export interface RequestType<
  TInput = unknown,
  TPayload = TInput,
  TReturned = unknown,
  TReply = TReturned,
> extends MessageType<TInput, TPayload> {
  /** What the reply looks like. */
  readonly output: StandardSchemaV1<TReturned, TReply>;
}

/** A request type of whatever payload and reply. */
export interface AnyRequestType extends AnyMessageType {
  readonly output: StandardSchemaV1;
}

/** What `request` resolves to for the request type. */
export type ReplyOf<T extends AnyRequestType> = StandardSchemaV1.InferOutput<T['output']>;

/** What a handler of the request type returns. */
export type ReturnedOf<T extends AnyRequestType> = StandardSchemaV1.InferInput<T['output']>;

/**
 * Declares a request: a message that one handler answers.
 *
 * Never throws: what is wrong with the name or a schema is reported at boot, together with all other mistakes.
 *
 * @param name also the topic: letters, digits, `-`, `_` and single dots, at most 200 characters.
 * @param input any Standard Schema. The payload is validated by the asker and again by the handler's process.
 * @param output any Standard Schema. The reply is validated by the handler's process and again by the asker, who gets what the
 *   schema makes of it.
 *
 * @example
 * ```ts
 * const QuotePrice = defineRequest('price.quote', z.object({ sku: z.string() }), z.object({ cents: z.int() }));
 * ```
 */
export function defineRequest<TInput extends StandardSchemaV1, TOutput extends StandardSchemaV1>(
  name: string,
  input: TInput,
  output: TOutput,
  options: RequestTypeOptions = {},
): RequestType<
  StandardSchemaV1.InferInput<TInput>,
  StandardSchemaV1.InferOutput<TInput>,
  StandardSchemaV1.InferInput<TOutput>,
  StandardSchemaV1.InferOutput<TOutput>
> {
  return { ...defineMessage(name, input, options), output };
}

export function isRequestType(type: AnyMessageType | string | undefined): type is AnyRequestType {
  return typeof type === 'object' && 'output' in type;
}

/** What is wrong with a type of messages or requests: one sentence a mistake. */
export function problemsOfType(type: AnyMessageType): string[] {
  const problems = problemsOfMessageType(type);
  if (!isRequestType(type)) return problems;
  const standard: unknown = (type.output as { '~standard'?: unknown } | undefined)?.['~standard'];
  if (typeof (standard as { validate?: unknown } | undefined)?.validate !== 'function') {
    problems.push(
      `Request "${type.name}" has an output that does not implement Standard Schema. Pass a zod, valibot or arktype schema as the third argument of defineRequest.`,
    );
  }
  return problems;
}
