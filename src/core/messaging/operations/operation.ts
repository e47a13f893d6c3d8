import type { DeadLetterFilter } from '../ports/dead-letter-store.js';

/** What an operation does with each dead letter. Open: a minor version may add kinds. */
export const OPERATION_KINDS = ['replay', 'archive', 'restore', 'discard'] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

/**
 * `queued` waits for a process that runs it; `cancelling` is `cancelled` once letters in flight are done; `aborted` has ended
 * by itself, and `errorCode` says why. Open: a minor version may add states.
 */
export const OPERATION_STATES = [
  'queued',
  'running',
  'paused',
  'cancelling',
  'cancelled',
  'completed',
  'aborted',
] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

/** What became of one letter. Open: a minor version may add results. */
export const ITEM_RESULTS = ['pending', 'succeeded', 'unknown', 'skipped', 'failed'] as const;
export type ItemResult = (typeof ITEM_RESULTS)[number];

/** The letters with these ids, or those that match a filter when the operation is made. */
export type OperationSelection = { readonly ids: readonly string[] } | { readonly filter: DeadLetterFilter };

export interface OperationCounts {
  /** Letters of the selection. It is known once the operation has frozen it. */
  readonly selected: number;
  readonly done: number;
  readonly succeeded: number;
  /** The broker did not answer in time; the message may or may not arrive. */
  readonly unknown: number;
  /** Changed or removed by something else before its turn came. */
  readonly skipped: number;
  readonly failed: number;
  /** Replayed letters that were looked at again afterwards: a sample, of which `failedAgain` were dead letters once more. */
  readonly checked: number;
  readonly failedAgain: number;
}

/** Work on many dead letters, as far as it has come. Times are in milliseconds since 1970. */
export interface Operation {
  /** UUIDv7. */
  readonly id: string;
  readonly kind: OperationKind;
  readonly state: OperationState;
  /** Ids are not repeated here: the items of the operation are they. */
  readonly selection: { readonly ids: number } | { readonly filter: DeadLetterFilter };
  /** Topics of its letters. Absent where they may be of any. */
  readonly topics?: readonly string[] | undefined;
  /** Letters that were dead-lettered at this instant or later are not part of it. */
  readonly snapshotAt: number;
  /** Takes the oldest of the selection only. */
  readonly maxCount?: number | undefined;
  readonly ratePerSecond: number;
  /** Ends a replay once more than this share of the sample has failed again. */
  readonly abortRatio: number;
  /** Also takes letters whose state forbids it: a replay `replayed` ones, a discard any. */
  readonly force?: boolean | undefined;
  readonly actor: string;
  readonly reason?: string | undefined;
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
  readonly counts: OperationCounts;
  readonly errorCode?: string | undefined;
  /** Changes with every order of an operator, and not with progress. */
  readonly tag: string;
}

/** One letter of an operation. */
export interface OperationItem {
  readonly id: string;
  readonly result: ItemResult;
  /** Why, where it was not simply done. */
  readonly code?: string;
}

export const NO_COUNTS: OperationCounts = {
  selected: 0,
  done: 0,
  succeeded: 0,
  unknown: 0,
  skipped: 0,
  failed: 0,
  checked: 0,
  failedAgain: 0,
};

/** It will not change any more. */
export function hasEnded({ state }: Pick<Operation, 'state'>): boolean {
  return state === 'cancelled' || state === 'completed' || state === 'aborted';
}
