import type {
  DeadLetter,
  DeadLetterGroup,
  DeadLetterStatus,
  DeadLetterCount,
} from '../../../../core/messaging/ports/dead-letter-store.js';

/** A sum as the script replies it: parts of the name, count, oldest member, newest members. */
export type RawSum = readonly [name: string, count: number, oldest: string, newest: readonly string[]];

const SAMPLE_SIZE = 5;

/** Dead letters with one fingerprint. */
interface GroupSum {
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly sampleIds: readonly string[];
}

export function countsOf([name, count, oldest]: RawSum): DeadLetterCount {
  const [topic = '', group = '', status] = name.split('\0');
  return { topic, group, status: status as DeadLetterStatus, count, oldestAt: timeOf(oldest) };
}

/** Sums of one fingerprint in several statuses are one group. Largest first, then newest. */
export function mergeGroups(sums: readonly RawSum[]): GroupSum[] {
  const groups = new Map<string, { count: number; firstAt: number; newest: string[] }>();
  for (const [name, count, oldest, newest] of sums) {
    const fingerprint = name.split('\0')[1] ?? '';
    const known = groups.get(fingerprint) ?? { count: 0, firstAt: Infinity, newest: [] };
    groups.set(fingerprint, {
      count: known.count + count,
      firstAt: Math.min(known.firstAt, timeOf(oldest)),
      newest: [...known.newest, ...newest].sort((a, b) => timeOf(b) - timeOf(a)).slice(0, SAMPLE_SIZE),
    });
  }
  return [...groups.values()]
    .map(({ count, firstAt, newest }) => ({
      count,
      firstAt,
      lastAt: timeOf(newest[0] ?? ''),
      sampleIds: newest.map(idOf),
    }))
    .sort((a, b) => b.count - a.count || b.lastAt - a.lastAt);
}

/** Undefined when the newest dead letter has been removed meanwhile. */
export function groupOf(sum: GroupSum, newest: DeadLetter | undefined): DeadLetterGroup | undefined {
  if (!newest) return undefined;
  const { count, firstAt, lastAt, sampleIds } = sum;
  const { fingerprint, topic, group, handler, reason, error } = newest;
  const same = { fingerprint, topic, group, handler, reason };
  return { ...same, errorType: error.type, errorMessage: error.message, count, firstAt, lastAt, sampleIds };
}

function timeOf(member: string): number {
  return Number(member.split('\0').at(-2) ?? 0);
}

function idOf(member: string): string {
  return member.split('\0').at(-1) ?? '';
}
