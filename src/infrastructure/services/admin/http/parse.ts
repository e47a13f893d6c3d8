import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { hasControls, isName } from '../../../../core/messaging/ports/names.js';
import { PROBLEM, ProblemError } from './problem.js';

/** Marks a check of a well-formed value that is invalid: it answers 422, all other checks 400. */
export const UNPROCESSABLE = { unprocessable: true } as const;

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/**
 * `value` as the schema describes it, without the members that are absent. Throws a problem that names each
 * mistake.
 */
export function parse<T extends object>(schema: z.ZodType<T>, value: unknown): Defined<T> {
  const result = schema.safeParse(value);
  if (result.success) {
    return Object.fromEntries(
      Object.entries(result.data).filter(([, member]) => member !== undefined),
    ) as Defined<T>;
  }
  const { issues } = result.error;
  const errors = issues.slice(0, 20).map((issue) => ({
    pointer: `/${issue.path.map(String).join('/')}`.slice(0, 200),
    message: issue.message.slice(0, 200),
  }));
  if (issues.every((issue) => issue.code === 'custom' && issue.params?.['unprocessable'] === true)) {
    throw new ProblemError(PROBLEM.invalidFilter, 'See errors.', errors);
  }
  throw new ProblemError(PROBLEM.badRequest, 'See errors.', errors);
}

/** A value that is well-formed and invalid unless the condition holds. */
export function valid<T>(
  schema: z.ZodType<T>,
  condition: (value: T) => boolean,
  error: string,
): z.ZodType<T> {
  return schema.refine(condition, { error, params: UNPROCESSABLE }).meta({ description: error });
}

/** An id, or another text that is compared and not shown: a line break in it is a mistake, or an attack on a log. */
export const text = z
  .string()
  .min(1)
  .max(255)
  .refine((value) => !hasControls(value), 'must have no control characters');

/** Name of a topic or a group. */
export const name = valid(text, isName, 'is no name of a topic or group');

/** A pipe for parameters in a path. */
export class TextPipe implements PipeTransform {
  transform(value: unknown, { data = '' }: ArgumentMetadata): string {
    return parse(z.strictObject({ [data]: text }), { [data]: value })[data] ?? '';
  }
}

/** A number written in digits, as query parameters are. */
export const digits = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number of at most nine digits')
  .transform(Number);

const INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)(T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))?$/i;
const LOOKS_LIKE_A_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?$/i;

/** A time of RFC 3339, or a date for its midnight in UTC, as milliseconds since 1970. One that does not exist is well-formed and invalid. */
export const instant = z
  .string()
  .regex(LOOKS_LIKE_A_TIME, { error: 'must be a time as in 2026-01-31T12:00:00Z', abort: true })
  .refine(exists, { error: 'is not a time that exists', params: UNPROCESSABLE })
  .meta({ description: 'A time of RFC 3339, or a date for its midnight in UTC.' })
  .transform((value) => Date.parse(value));

/** Date.parse takes the 30th of February for the 2nd of March. */
function exists(value: string): boolean {
  const [, year, month, day] = (INSTANT.exec(value) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return false;
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** One of these words; another word is well-formed and invalid. */
export function oneOf<T extends string>(words: readonly T[]): z.ZodType<T> {
  const word = z.string().refine((given) => (words as readonly string[]).includes(given), {
    error: `must be one of ${words.join(', ')}`,
    params: UNPROCESSABLE,
  });
  return word.meta({ enum: [...words] }) as unknown as z.ZodType<T>;
}
