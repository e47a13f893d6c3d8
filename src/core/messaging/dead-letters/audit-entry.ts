import type { DeadLetterFilter } from '../ports/dead-letter-store.js';

/** One line of the audit log. Never holds a payload, a header or a credential. */
export interface AuditEntry {
  /** One of a few fixed words, such as `replay`. */
  readonly action: string;
  /** The subject that the authoriser named, or the name that the application passed. */
  readonly actor: string;
  readonly outcome: 'started' | 'succeeded' | 'failed' | 'denied';
  readonly id?: string;
  readonly filter?: DeadLetterFilter;
  readonly counts?: Readonly<Record<string, number>>;
  /** Why the actor did it, in the actor's words. */
  readonly reason?: string;
  /** Code of the error, when it failed or was denied. */
  readonly errorCode?: string;
}

const MAX_TEXT_LENGTH = 255;

/**
 * The entry as one line of JSON. Control characters, and the line separators that JSON leaves as they are, come out as
 * escapes, so that nothing that an actor types can start a line of its own or reach a terminal.
 */
export function auditLine(entry: AuditEntry, nowMs: number): string {
  const { action, outcome, actor, id, filter, counts, reason, errorCode } = entry;
  const ordered = {
    at: new Date(nowMs).toISOString(),
    action,
    outcome,
    actor,
    id,
    filter,
    counts,
    reason,
    errorCode,
  };
  return JSON.stringify(ordered, bound).replace(
    /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function bound(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT_LENGTH
    ? `${value.slice(0, MAX_TEXT_LENGTH)}…`
    : value;
}
