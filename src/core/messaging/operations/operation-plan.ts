import type { DeadLetterFilter, DeadLetterStore, DeadLetterSummary } from '../ports/dead-letter-store.js';
import { frozenFilter, takenStatuses } from './freeze.js';
import type { OperationKind, OperationSelection } from './operation.js';

const MAX_GROUPS = 1000;

interface Planned {
  readonly kind: OperationKind;
  readonly selection: OperationSelection;
  readonly maxCount?: number | undefined;
  readonly force?: boolean | undefined;
}

/** What an operation that is made now would do. Times are in milliseconds since 1970. */
export interface OperationPlan {
  readonly snapshotAt: number;
  /** How many match: the `expectedCount` of the operation. */
  readonly matching: number;
  /** How many would be worked on: `matching`, or `maxCount` when that is less. */
  readonly selected: number;
  /** Counts of everything that matches, largest first. */
  readonly subscriptions: readonly {
    readonly topic: string;
    readonly group: string;
    readonly count: number;
  }[];
  /** Letters among them that would be skipped, and why. */
  readonly impossible: readonly { readonly code: string; readonly count: number }[];
  /** False when there are so many different failures that `subscriptions` shows the most frequent only. */
  readonly complete: boolean;
  /** `deadLetteredAt` of the oldest and of the newest; absent when nothing matches. */
  readonly oldestAt?: number;
  readonly newestAt?: number;
}

/** Counts. Of a filter it reads summaries of groups only, of ids each letter. */
export async function planOf(
  store: DeadLetterStore,
  { kind, selection, maxCount, force = false }: Planned,
  snapshotAt: number,
): Promise<OperationPlan> {
  const found =
    'ids' in selection
      ? await countIds(store, [...new Set(selection.ids)], kind, force)
      : await countFilter(store, frozenFilter(kind, selection.filter, snapshotAt), kind);
  return { snapshotAt, selected: Math.min(found.matching, maxCount ?? Infinity), ...found };
}

type Counted = Omit<OperationPlan, 'snapshotAt' | 'selected'>;

async function countFilter(
  store: DeadLetterStore,
  filter: DeadLetterFilter,
  kind: OperationKind,
): Promise<Counted> {
  const [matching, groups] = await Promise.all([store.count(filter), store.groups(filter, MAX_GROUPS)]);
  const tally = new Tally();
  for (const group of groups) {
    tally.add(group, group.count);
    if (kind === 'replay' && group.reason === 'corrupt') tally.cannot('CORRUPT', group.count);
  }
  return {
    matching,
    ...tally.result,
    complete: groups.length < MAX_GROUPS,
    ...(groups.length > 0 && {
      oldestAt: Math.min(...groups.map(({ firstAt }) => firstAt)),
      newestAt: Math.max(...groups.map(({ lastAt }) => lastAt)),
    }),
  };
}

async function countIds(
  store: DeadLetterStore,
  ids: readonly string[],
  kind: OperationKind,
  force: boolean,
): Promise<Counted> {
  const tally = new Tally();
  const times: number[] = [];
  for (const id of ids) {
    const letter = await store.find(id);
    if (!letter) {
      tally.cannot('GONE', 1);
      continue;
    }
    tally.add(letter, 1);
    times.push(letter.deadLetteredAt);
    const code = obstacleOf(letter, kind, force);
    if (code !== undefined) tally.cannot(code, 1);
  }
  return {
    matching: ids.length,
    ...tally.result,
    complete: true,
    ...(times.length > 0 && { oldestAt: Math.min(...times), newestAt: Math.max(...times) }),
  };
}

/** Why the letter would be skipped as it is now. */
function obstacleOf(
  { status, reason }: DeadLetterSummary,
  kind: OperationKind,
  force: boolean,
): string | undefined {
  if (kind === 'replay' && reason === 'corrupt') return 'CORRUPT';
  return takenStatuses(kind, force).includes(status) ? undefined : `IS_${status.toUpperCase()}`;
}

class Tally {
  readonly #subscriptions = new Map<string, { topic: string; group: string; count: number }>();
  readonly #impossible = new Map<string, number>();

  add({ topic, group }: { readonly topic: string; readonly group: string }, count: number): void {
    const key = `${topic}\n${group}`;
    this.#subscriptions.set(key, { topic, group, count: count + (this.#subscriptions.get(key)?.count ?? 0) });
  }

  cannot(code: string, count: number): void {
    this.#impossible.set(code, count + (this.#impossible.get(code) ?? 0));
  }

  get result(): Pick<OperationPlan, 'subscriptions' | 'impossible'> {
    return {
      subscriptions: [...this.#subscriptions.values()].sort((a, b) => b.count - a.count),
      impossible: [...this.#impossible].map(([code, count]) => ({ code, count })),
    };
  }
}
