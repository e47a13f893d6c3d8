import { z } from 'zod';
import type { DeadLetterFilter } from '../ports/dead-letter-store.js';
import { type Operation, OPERATION_KINDS, OPERATION_STATES } from './operation.js';

const count = z.int().min(0);

/** An operation as the control store has it. */
export const recordSchema = z.object({
  id: z.string(),
  kind: z.enum(OPERATION_KINDS),
  state: z.enum(OPERATION_STATES),
  selection: z.union([z.object({ ids: count }), z.object({ filter: z.custom<DeadLetterFilter>() })]),
  /** Topics of the letters; absent where they may be of any. */
  topics: z.array(z.string()).optional(),
  snapshotAt: z.number(),
  maxCount: z.number().optional(),
  ratePerSecond: z.number(),
  abortRatio: z.number(),
  force: z.boolean().optional(),
  actor: z.string(),
  reason: z.string().optional(),
  startedAt: z.number().optional(),
  finishedAt: z.number().optional(),
  errorCode: z.string().optional(),
  counts: z.object({
    selected: count,
    done: count,
    succeeded: count,
    unknown: count,
    skipped: count,
    failed: count,
    checked: count,
    failedAgain: count,
  }),
  /** Orders of operators so far. */
  orders: count,
  /** Of the lease of the process that works on it, or did last. */
  fence: count,
  /** Where the frozen ids are, and in how many parts. Absent until they are. */
  frozen: z.object({ place: z.string(), parts: count }).optional(),
  /** Parts before this one are done. */
  part: count,
});

export type OperationRecord = z.output<typeof recordSchema>;

export function operationOf({
  orders,
  fence: _,
  frozen: __,
  part: ___,
  ...record
}: OperationRecord): Operation {
  return { ...record, tag: `${record.id}.${orders}` };
}
