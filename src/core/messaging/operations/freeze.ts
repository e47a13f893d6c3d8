import { createHash } from 'node:crypto';
import {
  DEAD_LETTER_STATUSES,
  type DeadLetterFilter,
  type DeadLetterStatus,
  type DeadLetterStore,
  type DeadLetterSummary,
} from '../ports/dead-letter-store.js';
import type { OperationKind } from './operation.js';
import type { FrozenLetter } from './operation-store.js';

/** Letters that are worked on at the same time at most. */
const LANES = 16;
/** Letters of one stored part: with ids as the core makes them, 56 KB. */
export const PART_SIZE = 1_000;
/** More have to be taken in several operations. */
export const MAX_SELECTED = 200_000;
const PAGE_SIZE = 200;
/** A part must fit into an entry of the control store, whatever ids a store gives. */
const PART_BYTES = 60_000;
/** Lane and time of a letter. */
const OVERHEAD_BYTES = 20;

/** The first one is taken where nothing else is asked for. */
const TAKEN: Record<OperationKind, readonly [DeadLetterStatus, ...DeadLetterStatus[]]> = {
  replay: ['failed', 'archived', 'replaying'],
  archive: ['failed'],
  restore: ['archived'],
  discard: ['archived'],
};

/** Statuses of the letters that an operation can work on. */
export function takenStatuses(kind: OperationKind, force: boolean): readonly DeadLetterStatus[] {
  if (!force) return TAKEN[kind];
  return kind === 'discard'
    ? DEAD_LETTER_STATUSES
    : kind === 'replay'
      ? [...TAKEN.replay, 'replayed']
      : TAKEN[kind];
}

/** The filter with what an operation adds: a status that it can work on, and an end at `snapshotAt`. */
export function frozenFilter(
  kind: OperationKind,
  filter: DeadLetterFilter,
  snapshotAt: number,
): DeadLetterFilter {
  return {
    ...filter,
    status: filter.status ?? TAKEN[kind][0],
    to: Math.min(filter.to ?? snapshotAt, snapshotAt),
  };
}

/** In parts, oldest first. Holds one part at a time. */
export async function* frozenParts(
  store: DeadLetterStore,
  filter: DeadLetterFilter,
  maxCount: number,
): AsyncGenerator<readonly FrozenLetter[]> {
  let letters: FrozenLetter[] = [];
  let bytes = 0;
  let count = 0;
  for await (const { items } of pagesOf(store, filter)) {
    for (const letter of items.slice(0, maxCount - count)) {
      count += 1;
      const frozen = { id: letter.id, at: letter.deadLetteredAt, lane: laneOf(letter, count) };
      if (letters.length >= PART_SIZE || bytes + frozen.id.length + OVERHEAD_BYTES > PART_BYTES) {
        yield letters;
        letters = [];
        bytes = 0;
      }
      letters.push(frozen);
      bytes += frozen.id.length + OVERHEAD_BYTES;
    }
    if (count >= maxCount) break;
  }
  if (letters.length > 0) yield letters;
}

/** Messages of one key have to arrive in the order in which they failed. Those without one have none. */
export function laneOf(
  { topic, group, key }: Pick<DeadLetterSummary, 'topic' | 'group' | 'key'>,
  nth: number,
): number {
  if (key === undefined) return nth % LANES;
  return createHash('sha256').update(`${topic}\n${group}\n${key}`).digest().readUInt8() % LANES;
}

async function* pagesOf(
  store: DeadLetterStore,
  filter: DeadLetterFilter,
): AsyncGenerator<{ readonly items: readonly DeadLetterSummary[] }> {
  let after: string | undefined;
  do {
    const page = await store.list(filter, {
      limit: PAGE_SIZE,
      order: 'oldest-first',
      ...(after !== undefined && { after }),
    });
    yield page;
    after = page.next;
  } while (after !== undefined);
}
