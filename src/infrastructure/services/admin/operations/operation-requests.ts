import { z } from 'zod';
import { OPERATION_KINDS, type OperationSelection } from '../../../../core/messaging/operations/operation.js';
import {
  MAX_IDS,
  type OperationOrder,
  type OperationRequest,
  RATE,
} from '../../../../core/messaging/operations/operations.service.js';
import { bodyFilter, wholeFrom } from '../dead-letters/filter-schema.js';
import { digits, oneOf, parse, text, valid } from '../http/parse.js';

const reason = z.string().max(255).optional();
const ratePerSecond = valid(
  z.number(),
  (rate) => rate >= RATE.min && rate <= RATE.max,
  `must be from ${RATE.min} to ${RATE.max}`,
).optional();

const selection = z.union([
  z.strictObject({ ids: z.array(text).min(1).max(MAX_IDS) }),
  z.strictObject({ filter: bodyFilter }),
  z.strictObject({ group: text }).meta({ description: 'Dead letters with this fingerprint.' }),
]);

/** Body of a new operation. */
export const operationBody = z.strictObject({
  kind: oneOf(OPERATION_KINDS),
  selection,
  dryRun: z.boolean().optional(),
  expectedCount: wholeFrom(0).optional(),
  maxCount: wholeFrom(1).optional(),
  ratePerSecond,
  abortRatio: valid(z.number(), (ratio) => ratio >= 0 && ratio <= 1, 'must be from 0 to 1').optional(),
  force: z.boolean().optional(),
  waitMs: valid(wholeFrom(0), (ms) => ms <= 10_000, 'must be at most 10000').optional(),
  reason,
});

/** Body of an order. */
export const operationOrderBody = z
  .strictObject({
    state: oneOf(['running', 'paused', 'cancelled'] as const).optional(),
    ratePerSecond,
    reason,
  })
  .refine((order) => order.state !== undefined || order.ratePerSecond !== undefined, {
    error: 'needs at least one of state and ratePerSecond',
  });

/** Query of one operation. */
export const operationQuery = z.strictObject({
  waitMs: valid(digits, (ms) => ms <= 10_000, 'must be at most 10000').optional(),
});

/** Query of the letters of an operation. */
export const itemsQuery = z.strictObject({ cursor: digits.optional() });

export interface NewOperation extends Omit<OperationRequest, 'actor' | 'idempotencyKey'> {
  readonly dryRun?: boolean;
  readonly waitMs?: number;
}

/** Reads an {@link operationBody}. */
export function parseOperation(body: unknown): NewOperation {
  const { selection: given, ...rest } = parse(operationBody, body);
  return { ...rest, selection: selectionOf(given) };
}

/** Reads an {@link operationOrderBody}. */
export function parseOrder(body: unknown): Omit<OperationOrder, 'actor' | 'ifTag'> {
  return parse(operationOrderBody, body);
}

/** The value of the header; undefined without one. */
export function parseIdempotencyKey(header: unknown): string | undefined {
  if (header === undefined) return undefined;
  return parse(z.strictObject({ 'Idempotency-Key': text }), { 'Idempotency-Key': header })['Idempotency-Key'];
}

function selectionOf(given: z.output<typeof selection>): OperationSelection {
  if ('ids' in given) return given;
  if ('group' in given) return { filter: { fingerprint: given.group } };
  return {
    filter: Object.fromEntries(Object.entries(given.filter).filter(([, value]) => value !== undefined)),
  };
}
