import { backoffMs, doubledMs } from './transport-kit/backoff.js';

/** How long to wait before the next attempt. */
export interface Backoff {
  readonly type: 'exponential' | 'fixed';
  /** Before the second attempt, in milliseconds. Doubles with every further one when exponential. */
  readonly delayMs: number;
  /** Longest wait. Defaults to 60 s. */
  readonly maxDelayMs?: number;
  /**
   * Waits a random time between nothing and the computed one, so that messages that failed together do not come back
   * together ("full jitter", Brooker, Exponential Backoff And Jitter, 2015). Defaults to true when exponential, and to
   * false when fixed.
   */
  readonly jitter?: boolean | undefined;
}

/** An error class, or a predicate. One that throws does not match. */
export type ErrorMatch = (new (...args: never[]) => Error) | ((error: unknown) => boolean);

/** What to do about an error: the first rule that matches decides. */
export interface ErrorRule {
  readonly match: ErrorMatch;
  /** `retry` within the attempts, `dead-letter` at once, `discard` acknowledges and forgets. */
  readonly action: 'retry' | 'dead-letter' | 'discard';
}

/** Whether a value has the shape of a rule; JavaScript may give anything. */
export function isErrorRule(value: unknown): value is ErrorRule {
  const { match, action } = (value ?? {}) as Partial<Record<keyof ErrorRule, unknown>>;
  return typeof match === 'function' && ['retry', 'dead-letter', 'discard'].includes(String(action));
}

/** What a list of rules must hold, in words. */
export const ERROR_RULES =
  "a list of rules such as { match: TypeError, action: 'dead-letter' }; actions are retry, dead-letter and discard";

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly errors: readonly ErrorRule[];
}

/** 5 attempts, waiting up to 1, 2, 4 and 8 s between them. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  attempts: 5,
  backoff: { type: 'exponential', delayMs: 1_000, maxDelayMs: 60_000, jitter: true },
  errors: [],
};

const DEFAULT_MAX_DELAY_MS = 60_000;

/** Milliseconds to wait after the attempt with this number failed. */
export function delayAfter(attempt: number, backoff: Backoff, random: () => number = Math.random): number {
  const range = { minMs: backoff.delayMs, maxMs: backoff.maxDelayMs ?? DEFAULT_MAX_DELAY_MS };
  const isFixed = backoff.type === 'fixed';
  const failures = isFixed ? 0 : attempt - 1;
  return !(backoff.jitter ?? !isFixed)
    ? Math.round(doubledMs(failures, range))
    : backoffMs(failures, range, random);
}

/** The action of the first rule that matches, or undefined. */
export function actionFor(error: unknown, rules: readonly ErrorRule[]): ErrorRule['action'] | undefined {
  return rules.find((rule) => matchesError(error, rule.match))?.action;
}

export function matchesError(error: unknown, match: ErrorMatch): boolean {
  if (isErrorClass(match)) return error instanceof match;
  try {
    return match(error);
  } catch {
    return false;
  }
}

function isErrorClass(match: ErrorMatch): match is new (...args: never[]) => Error {
  return match === Error || (match as { prototype?: unknown }).prototype instanceof Error;
}
