import { MessagingError } from '../ports/errors.js';
import type { DeadLetterFilter, DeadLetterStatus, DeadLetterStore } from '../ports/dead-letter-store.js';

const DEFAULT_RATE_PER_SECOND = 50;
const MAX_RATE_PER_SECOND = 500;
const MAX_GROUPS = 1000;
const REPLAYABLE: readonly DeadLetterStatus[] = ['failed', 'archived', 'replaying'];

/** How many letters of one subscription a replay would send. */
interface PlannedSubscription {
  readonly topic: string;
  readonly group: string;
  readonly count: number;
}

/** What a replay that begins now would do. Times are in milliseconds since 1970. */
export interface ReplayPlan {
  readonly snapshotAt: number;
  /** How many match. */
  readonly matching: number;
  /** How many would be sent: `matching`, or `limit` when that is less. */
  readonly selected: number;
  /** Counts of everything that matches, largest first. */
  readonly subscriptions: readonly PlannedSubscription[];
  /** False when there are so many different failures that `subscriptions` shows the most frequent only. */
  readonly complete: boolean;
  /** `deadLetteredAt` of the oldest and of the newest; absent when nothing matches. */
  readonly oldestAt?: number;
  readonly newestAt?: number;
}

/** The filter with what a replay adds: a status that can be replayed, and an end at `snapshotAt`. */
export function replayFilter(filter: DeadLetterFilter, snapshotAt: number): DeadLetterFilter {
  const status = filter.status ?? 'failed';
  if (!REPLAYABLE.includes(status)) {
    throw new MessagingError(
      'OPTION_INVALID',
      `Dead letters that are ${status} cannot be replayed by filter: use one of ${REPLAYABLE.join(', ')}.`,
    );
  }
  return { ...filter, status, to: Math.min(filter.to ?? snapshotAt, snapshotAt) };
}

/** A rate of 1 to 500 a second, 50 when none is given. */
export function replayRate(ratePerSecond: number = DEFAULT_RATE_PER_SECOND): number {
  if (ratePerSecond >= 1 && ratePerSecond <= MAX_RATE_PER_SECOND) return ratePerSecond;
  throw new MessagingError(
    'OPTION_INVALID',
    `ratePerSecond is ${ratePerSecond}, but must be from 1 to ${MAX_RATE_PER_SECOND}.`,
  );
}

/** A whole number from 1 upwards; without one there is no limit. */
export function replayLimit(limit: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw new MessagingError('OPTION_INVALID', `limit is ${limit}, but must be a whole number from 1.`);
}

/** Counts what a replay would send. Reads summaries of groups only, never letters. */
export async function planReplay(
  store: DeadLetterStore,
  filter: DeadLetterFilter,
  limit: number,
  snapshotAt: number,
): Promise<ReplayPlan> {
  const [matching, groups] = await Promise.all([store.count(filter), store.groups(filter, MAX_GROUPS)]);
  const bySubscription = new Map<string, PlannedSubscription>();
  for (const { topic, group, count } of groups) {
    const key = `${topic}\n${group}`;
    bySubscription.set(key, { topic, group, count: count + (bySubscription.get(key)?.count ?? 0) });
  }
  return {
    snapshotAt,
    matching,
    selected: Math.min(matching, limit),
    subscriptions: [...bySubscription.values()].sort((a, b) => b.count - a.count),
    complete: groups.length < MAX_GROUPS,
    ...(groups.length > 0 && {
      oldestAt: Math.min(...groups.map((group) => group.firstAt)),
      newestAt: Math.max(...groups.map((group) => group.lastAt)),
    }),
  };
}
