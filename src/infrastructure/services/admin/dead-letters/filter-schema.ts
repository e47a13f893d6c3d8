import { z } from 'zod';
import {
  DEAD_LETTER_REASONS,
  DEAD_LETTER_STATUSES,
  type DeadLetterFilter,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import { decodeCursor } from '../http/cursor.js';
import { digits, instant, oneOf, parse, text, UNPROCESSABLE, valid } from '../http/parse.js';

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

const conditions = {
  status: oneOf(DEAD_LETTER_STATUSES).optional(),
  topic: text.optional(),
  group: text.optional(),
  handler: text.optional(),
  transport: text.optional(),
  reason: oneOf(DEAD_LETTER_REASONS).optional(),
  errorType: text.optional(),
  fingerprint: text.optional(),
  messageId: text.optional(),
  correlationId: text.optional(),
  key: text.optional(),
  from: instant.optional(),
  to: instant.optional(),
};

const queryConditions = { ...conditions, minAttempts: digits.optional() };
const limit = valid(
  digits,
  (value) => value >= 1 && value <= MAX_PAGE,
  `must be from 1 to ${MAX_PAGE}`,
).optional();
/** A whole number in a body. */
export const wholeFrom = (min: number): z.ZodType<number> =>
  valid(
    z.number(),
    (value) => Number.isSafeInteger(value) && value >= min,
    `must be a whole number from ${min}`,
  );

function inOrder({ from, to }: { from?: number | undefined; to?: number | undefined }): boolean {
  return from === undefined || to === undefined || from < to;
}
const IN_ORDER = { error: 'must be later than from', path: ['to'], params: UNPROCESSABLE };

/** Query of a list of dead letters. */
export const listQuery = z
  .strictObject({ ...queryConditions, limit, cursor: z.string().max(2048).optional() })
  .refine(inOrder, IN_ORDER);
/** Query of a list of groups. */
export const groupsQuery = z.strictObject({ ...queryConditions, limit }).refine(inOrder, IN_ORDER);
/** A filter in a body. */
export const bodyFilter = z
  .strictObject({ ...conditions, minAttempts: wholeFrom(0).optional() })
  .refine(inOrder, IN_ORDER);

export interface ListRequest {
  readonly filter: DeadLetterFilter;
  readonly limit: number;
  readonly after?: string;
}

/** Reads a {@link listQuery}. */
export function parseList(query: unknown): ListRequest {
  const { limit: given, cursor, ...filter } = parse(listQuery, query);
  const after = cursor === undefined ? undefined : decodeCursor(cursor, filter);
  return {
    filter,
    limit: given ?? DEFAULT_PAGE,
    ...(after !== undefined && { after }),
  };
}

/** Reads a {@link groupsQuery}. */
export function parseGroups(query: unknown): ListRequest {
  const { limit: given, ...filter } = parse(groupsQuery, query);
  return { filter, limit: given ?? DEFAULT_PAGE };
}
