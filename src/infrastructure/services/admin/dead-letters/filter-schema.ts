import { z } from 'zod';
import {
  DEAD_LETTER_REASONS,
  DEAD_LETTER_STATUSES,
  type DeadLetterFilter,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import { decodeCursor } from '../http/cursor.js';
import { digits, flag, instant, oneOf, parse, text, UNPROCESSABLE, valid } from '../http/parse.js';

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;
const MAX_RATE = 500;

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
const wholeFrom = (min: number): z.ZodType<number> =>
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
const bodyFilter = z
  .strictObject({ ...conditions, minAttempts: wholeFrom(0).optional() })
  .refine(inOrder, IN_ORDER);

const reason = z.string().max(255).optional();
/** Body of the replay of one dead letter. */
export const replayBody = z.strictObject({ reason, force: z.boolean().optional() });
/** Body of a change that takes only a reason. */
export const reasonBody = z.strictObject({ reason });
/** Query of a discard. */
export const discardQuery = z.strictObject({ reason, force: flag.optional() });
/** Body of the replay of all matching dead letters. */
export const replayMatchingBody = z.strictObject({
  filter: bodyFilter,
  dryRun: z.boolean().optional(),
  ratePerSecond: valid(
    z.number(),
    (rate) => rate >= 1 && rate <= MAX_RATE,
    `must be from 1 to ${MAX_RATE}`,
  ).optional(),
  limit: wholeFrom(1).optional(),
  reason,
});

export interface ListRequest {
  readonly filter: DeadLetterFilter;
  readonly limit: number;
  readonly after?: string;
}

export interface ReplayMatchingRequest {
  readonly filter: DeadLetterFilter;
  readonly dryRun?: boolean;
  readonly ratePerSecond?: number;
  readonly limit?: number;
  readonly reason?: string;
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

/** Reads a {@link replayBody}. */
export function parseReplay(body: unknown): { readonly reason?: string; readonly force?: boolean } {
  return parse(replayBody, body ?? {});
}

/** Reads a {@link reasonBody}. */
export function parseReason(body: unknown): { readonly reason?: string } {
  return parse(reasonBody, body ?? {});
}

/** Reads a {@link discardQuery}. */
export function parseDiscard(query: unknown): { readonly reason?: string; readonly force?: boolean } {
  return parse(discardQuery, query);
}

/** Reads a {@link replayMatchingBody}. */
export function parseReplayMatching(body: unknown): ReplayMatchingRequest {
  const request = parse(replayMatchingBody, body);
  const filter = Object.fromEntries(
    Object.entries(request.filter).filter(([, value]) => value !== undefined),
  );
  return { ...request, filter };
}
