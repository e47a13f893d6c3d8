import { MessagingError } from './errors.js';
import type {
  DeadLetterCeiling,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterCount,
  DeadLetterSummary,
  DeadLetterUsage,
  NewDeadLetter,
} from './dead-letter-store.js';

/** Conditions that compare a field with a value. */
const EXACT = [
  'status',
  'topic',
  'group',
  'handler',
  'transport',
  'reason',
  'fingerprint',
  'messageId',
  'correlationId',
  'key',
] as const;

/** Ids shown with a group, the newest. */
const SAMPLE_SIZE = 5;

/** True when the letter meets every condition of the filter. For stores that look at letters one by one. */
export function matchesFilter(deadLetter: DeadLetterSummary, filter: DeadLetterFilter): boolean {
  return (
    EXACT.every((field) => filter[field] === undefined || filter[field] === deadLetter[field]) &&
    (filter.errorType === undefined || filter.errorType === deadLetter.error.type) &&
    deadLetter.attempts >= (filter.minAttempts ?? 0) &&
    deadLetter.deadLetteredAt >= (filter.from ?? -Infinity) &&
    deadLetter.deadLetteredAt < (filter.to ?? Infinity)
  );
}

/** Letters grouped by fingerprint, largest group first. */
export function groupDeadLetters(deadLetters: Iterable<DeadLetterSummary>, limit: number): DeadLetterGroup[] {
  const groups = new Map<
    string,
    { newest: DeadLetterSummary; count: number; firstAt: number; ids: string[] }
  >();
  for (const deadLetter of deadLetters) {
    const group = groups.get(deadLetter.fingerprint);
    if (!group) {
      groups.set(deadLetter.fingerprint, {
        newest: deadLetter,
        count: 1,
        firstAt: deadLetter.deadLetteredAt,
        ids: [deadLetter.id],
      });
      continue;
    }
    group.count += 1;
    group.firstAt = Math.min(group.firstAt, deadLetter.deadLetteredAt);
    if (deadLetter.deadLetteredAt > group.newest.deadLetteredAt) group.newest = deadLetter;
    if (group.ids.length < SAMPLE_SIZE) group.ids.push(deadLetter.id);
  }
  return [...groups.values()]
    .sort((a, b) => b.count - a.count || b.newest.deadLetteredAt - a.newest.deadLetteredAt)
    .slice(0, limit)
    .map(({ newest, count, firstAt, ids }) => ({
      fingerprint: newest.fingerprint,
      topic: newest.topic,
      group: newest.group,
      handler: newest.handler,
      reason: newest.reason,
      errorType: newest.error.type,
      errorMessage: newest.error.message,
      count,
      firstAt,
      lastAt: newest.deadLetteredAt,
      sampleIds: ids,
    }));
}

/** Count and oldest of every (topic, group, status). */
export function countsOf(deadLetters: Iterable<DeadLetterSummary>): DeadLetterCount[] {
  const stock = new Map<string, DeadLetterCount>();
  for (const { topic, group, status, deadLetteredAt } of deadLetters) {
    const place = JSON.stringify([topic, group, status]);
    const known = stock.get(place);
    stock.set(place, {
      topic,
      group,
      status,
      count: (known?.count ?? 0) + 1,
      oldestAt: Math.min(known?.oldestAt ?? Infinity, deadLetteredAt),
    });
  }
  return [...stock.values()];
}

/**
 * Size of a dead letter for limits: its bytes, its headers and its description as JSON. The same in every store, and
 * the same as long as the letter does not fail again.
 */
export function storedBytesOf({ id: _, body, headers, ...summary }: NewDeadLetter): number {
  const description = JSON.stringify({ ...summary, bodyBytes: body.length });
  return body.length + Buffer.byteLength(JSON.stringify(headers)) + Buffer.byteLength(description);
}

/**
 * Whether a store may hold one more of so many bytes.
 *
 * @param earlierBytes size of the one that it replaces.
 */
export function hasRoom(
  { count, bytes }: Pick<DeadLetterUsage, 'count' | 'bytes'>,
  { maxCount = Infinity, maxBytes = Infinity }: DeadLetterCeiling,
  addedBytes: number,
  earlierBytes: number | undefined,
): boolean {
  if (earlierBytes === undefined) return count < maxCount && bytes + addedBytes <= maxBytes;
  return addedBytes <= earlierBytes || bytes - earlierBytes + addedBytes <= maxBytes;
}

/** `Infinity` where there is no limit. */
export type DefiniteCeiling = Readonly<Record<keyof DeadLetterCeiling, number>>;

/** The lower of two ceilings. */
export function lowerOf(one: DeadLetterCeiling, other: DeadLetterCeiling = {}): DefiniteCeiling {
  return {
    maxCount: Math.min(one.maxCount ?? Infinity, other.maxCount ?? Infinity),
    maxBytes: Math.min(one.maxBytes ?? Infinity, other.maxBytes ?? Infinity),
  };
}

/** What `add` rejects with when there is no room. */
export function storeFullError({ count, bytes }: Pick<DeadLetterUsage, 'count' | 'bytes'>): MessagingError {
  return new MessagingError(
    'STORE_FULL',
    `The dead letter store holds ${count} dead letters with ${bytes} bytes, and has no room for another. Replay or discard some, or raise deadLetters.maxCount and deadLetters.maxBytes.`,
  );
}
