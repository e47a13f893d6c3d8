import type { DeadLetterCeiling, DeadLetterStore, DeadLetterUsage } from './dead-letter-store.js';
import type { TransportProblem } from './transport.js';

/** How much the store of dead letters may hold, and what goes first. Without limits nothing that is pending is removed. */
export interface DeadLetterLimits extends DeadLetterCeiling {
  /**
   * Age, since it failed for the last time, at which a dead letter is removed with `dropPending`. Without that it is
   * reported.
   */
  readonly maxAgeMs?: number | undefined;
  /** Dead letters at a time, of any status. Beyond it a message stays on its broker and is tried again. */
  readonly maxCount?: number | undefined;
  /** Bytes of their bodies, headers and descriptions at a time; as for `maxCount`. */
  readonly maxBytes?: number | undefined;
  /**
   * Removes the oldest dead letters when a limit is reached, resolved and archived ones first, then those that are
   * `failed`. Their messages are lost; each is counted and logged.
   *
   * @default false
   */
  readonly dropPending?: boolean | undefined;
}

/** What the store of dead letters holds, and may hold. */
export interface DeadLetterStorage {
  readonly limits: DeadLetterLimits;
  /** Absent before the first check, and where the store does not know it. */
  readonly usage?: DeadLetterUsage;
  /** What keeps it from taking dead letters now, or soon. */
  readonly problems: readonly TransportProblem[];
}

/** How long a dead letter is kept once it was archived or its replay was handled. */
export const RESOLVED_RETENTION_MS = 14 * 86_400_000;

/** What is wrong with limits on this store: one sentence a mistake. */
export function problemsOfLimits(limits: DeadLetterLimits, store: Pick<DeadLetterStore, 'usage'>): string[] {
  const { maxAgeMs, maxCount, maxBytes, dropPending } = limits;
  const numbers = { maxAgeMs, maxCount, maxBytes };
  const given = Object.entries(numbers).filter(([, value]) => value !== undefined);
  const wrong = given
    .filter(([, value]) => !Number.isSafeInteger(value) || (value ?? 0) < 1)
    .map(
      ([name, value]) => `Option deadLetterLimits.${name} is ${String(value)}; use a whole number from 1.`,
    );
  if (dropPending === true && given.length === 0)
    wrong.push('Option deadLetterLimits.dropPending needs one of maxAgeMs, maxCount and maxBytes.');
  if (!store.usage && (maxCount !== undefined || maxBytes !== undefined))
    wrong.push(
      'Option deadLetterLimits sets maxCount or maxBytes, and the store of dead letters has no usage() to compare them with.',
    );
  return wrong;
}
