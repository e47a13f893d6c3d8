import { z } from 'zod';
import type { OperationPlan } from '../../../../core/messaging/operations/operation-plan.js';
import {
  ITEM_RESULTS,
  type Operation,
  OPERATION_KINDS,
  OPERATION_STATES,
  type OperationItem,
} from '../../../../core/messaging/operations/operation.js';
import type { DeadLetterFilter } from '../../../../core/messaging/ports/dead-letter-store.js';
import { amount, count, openWord, scope, time, timeOf } from '../http/answers.js';

/** What `viewOfOperation` shows. */
export const operationAnswer = z.strictObject({
  id: z.string(),
  kind: openWord(OPERATION_KINDS),
  state: openWord(OPERATION_STATES),
  selection: z.union([
    z.strictObject({ ids: count }),
    z.strictObject({ filter: z.record(z.string(), z.unknown()) }),
  ]),
  topics: z.array(z.string()).optional(),
  snapshotAt: time,
  maxCount: count.optional(),
  ratePerSecond: amount,
  abortRatio: amount,
  force: z.boolean().optional(),
  actor: z.string(),
  reason: z.string().optional(),
  startedAt: time.optional(),
  finishedAt: time.optional(),
  counts: z.strictObject({
    selected: count,
    done: count,
    succeeded: count,
    unknown: count,
    skipped: count,
    failed: count,
    checked: count,
    failedAgain: count,
  }),
  errorCode: z.string().optional(),
  tag: z.string().meta({ description: 'For `If-Match`; also the ETag.' }),
  scope,
});

export const operationListAnswer = z.strictObject({ items: z.array(operationAnswer), scope });

/** What `viewOfPlan` shows. */
export const operationPlanAnswer = z.strictObject({
  dryRun: z.literal(true),
  snapshotAt: time,
  oldestAt: time.optional(),
  newestAt: time.optional(),
  matching: count,
  selected: count,
  subscriptions: z.array(z.strictObject({ topic: z.string(), group: z.string(), count })),
  impossible: z.array(z.strictObject({ code: z.string(), count })),
  complete: z.boolean(),
});

export const operationItemsAnswer = z.strictObject({
  items: z.array(
    z.strictObject({ id: z.string(), result: openWord(ITEM_RESULTS), code: z.string().optional() }),
  ),
  page: z.strictObject({ nextCursor: z.string().nullable() }),
});

export function viewOfOperation(operation: Operation, where: 'process' | 'shared'): object {
  const { snapshotAt, startedAt, finishedAt, selection, ...rest } = operation;
  return {
    ...rest,
    selection: 'filter' in selection ? { filter: viewOfFilter(selection.filter) } : selection,
    snapshotAt: timeOf(snapshotAt),
    ...(startedAt !== undefined && { startedAt: timeOf(startedAt) }),
    ...(finishedAt !== undefined && { finishedAt: timeOf(finishedAt) }),
    scope: where,
  };
}

export function viewOfPlan({ snapshotAt, oldestAt, newestAt, ...rest }: OperationPlan): object {
  return {
    dryRun: true,
    snapshotAt: timeOf(snapshotAt),
    ...(oldestAt !== undefined && { oldestAt: timeOf(oldestAt) }),
    ...(newestAt !== undefined && { newestAt: timeOf(newestAt) }),
    ...rest,
  };
}

export function viewOfItems(items: readonly OperationItem[], next: number | undefined): object {
  return { items, page: { nextCursor: next === undefined ? null : String(next) } };
}

function viewOfFilter({ from, to, ...rest }: DeadLetterFilter): object {
  return {
    ...rest,
    ...(from !== undefined && { from: timeOf(from) }),
    ...(to !== undefined && { to: timeOf(to) }),
  };
}
