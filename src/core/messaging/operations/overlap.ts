import type { DeadLetterFilter } from '../ports/dead-letter-store.js';

/** Two filters that ask for different values here have no letter in common. */
const EXACT = [
  'topic',
  'group',
  'handler',
  'transport',
  'reason',
  'errorType',
  'fingerprint',
  'messageId',
  'correlationId',
  'key',
] as const;

/** Whether a letter may match both. The status is left out: an operation changes it. */
export function mayOverlap(one: DeadLetterFilter, other: DeadLetterFilter): boolean {
  const differs = EXACT.some(
    (field) => one[field] !== undefined && other[field] !== undefined && one[field] !== other[field],
  );
  return !differs && startsBefore(one, other) && startsBefore(other, one);
}

function startsBefore(one: DeadLetterFilter, other: DeadLetterFilter): boolean {
  return (one.from ?? -Infinity) < (other.to ?? Infinity);
}
