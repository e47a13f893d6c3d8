import { onOneLine } from '../ports/one-line.js';
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

/**
 * Stores the entries of the audit log. A change waits for the entry that says `started`, and does not happen when the
 * sink throws, rejects, or has not resolved after 5 s.
 *
 * @param entry what happened. Texts in it are as the actor typed them.
 * @param line the entry with its time as one line of JSON, without control characters.
 */
export type AuditSink = (entry: AuditEntry, line: string) => void | Promise<void>;

const MAX_TEXT_LENGTH = 255;

/** The entry as one line of JSON. Nothing that an actor types can start a line of its own or reach a terminal. */
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
  return onOneLine(JSON.stringify(ordered, bound));
}

function bound(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT_LENGTH
    ? `${value.slice(0, MAX_TEXT_LENGTH)}…`
    : value;
}
