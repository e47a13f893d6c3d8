import type {
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterStock,
  DeadLetterSummary,
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
export function matchesFilter(letter: DeadLetterSummary, filter: DeadLetterFilter): boolean {
  return (
    EXACT.every((field) => filter[field] === undefined || filter[field] === letter[field]) &&
    (filter.errorType === undefined || filter.errorType === letter.error.type) &&
    letter.attempts >= (filter.minAttempts ?? 0) &&
    letter.deadLetteredAt >= (filter.from ?? -Infinity) &&
    letter.deadLetteredAt < (filter.to ?? Infinity)
  );
}

/** Letters grouped by fingerprint, largest group first. */
export function groupLetters(letters: Iterable<DeadLetterSummary>, limit: number): DeadLetterGroup[] {
  const groups = new Map<
    string,
    { newest: DeadLetterSummary; count: number; firstAt: number; ids: string[] }
  >();
  for (const letter of letters) {
    const group = groups.get(letter.fingerprint);
    if (!group) {
      groups.set(letter.fingerprint, {
        newest: letter,
        count: 1,
        firstAt: letter.deadLetteredAt,
        ids: [letter.id],
      });
      continue;
    }
    group.count += 1;
    group.firstAt = Math.min(group.firstAt, letter.deadLetteredAt);
    if (letter.deadLetteredAt > group.newest.deadLetteredAt) group.newest = letter;
    if (group.ids.length < SAMPLE_SIZE) group.ids.push(letter.id);
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
export function stockOf(letters: Iterable<DeadLetterSummary>): DeadLetterStock[] {
  const stock = new Map<string, DeadLetterStock>();
  for (const { topic, group, status, deadLetteredAt } of letters) {
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
