import type { AuditHistory } from './audit-history.js';
import type { MessagingEvent } from '../observing/events.js';
import { OwnLogger } from '../observing/own-logger.js';
import { errorCodeOf, MessagingError } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { withDeadline } from '../transport-kit/deadline.js';
import { type AuditEntry, auditLine, type AuditSink } from '../observing/audit-entry.js';

/** Denials that are written a minute; a scanner must not be able to fill the log. */
const MAX_DENIALS_PER_MINUTE = 120;
const SINK_DEADLINE_MS = 5_000;

/** A change, before anything is known of its outcome. */
export type AuditedAction = Omit<AuditEntry, 'outcome' | 'errorCode'>;

/** Records every change with its actor: before it happens, and how it ended. Observers hear of the ends. */
export class AuditLog {
  readonly #logger = new OwnLogger('Messaging');
  readonly #sink: AuditSink;
  #minute = 0;
  #denials = 0;
  #suppressed = 0;

  /**
   * @param sink defaults to the log category `MessagingAudit`.
   * @param history is given how each change ended.
   */
  constructor(
    private readonly clock: Clock,
    private readonly emit: (event: MessagingEvent) => void,
    sink: AuditSink | undefined,
    private readonly history?: Pick<AuditHistory, 'add'>,
  ) {
    this.#sink = sink ?? logSink();
  }

  /**
   * Records `started`, does the work and records its outcome.
   *
   * Rejects with `AUDIT_UNAVAILABLE`, and does nothing, when the first entry cannot be recorded. What is done is done:
   * an outcome that cannot be recorded is logged, and changes nothing about the result.
   */
  async change<T>(action: AuditedAction, work: () => Promise<T>): Promise<T> {
    await this.begin(action);
    try {
      const result = await work();
      await this.end({ ...action, outcome: 'succeeded' });
      return result;
    } catch (error) {
      await this.end({ ...action, outcome: 'failed', errorCode: errorCodeOf(error) });
      throw error;
    }
  }

  /** Records that a change begins. Rejects with `AUDIT_UNAVAILABLE`; the change must not happen then. */
  async begin(action: AuditedAction): Promise<void> {
    try {
      await this.record({ ...action, outcome: 'started' });
    } catch (error) {
      this.#tell(action, 'failed');
      throw error;
    }
  }

  /** Records how a change ended, or why a request was denied. Never rejects: it is too late to prevent anything. */
  async end(entry: AuditEntry): Promise<void> {
    this.#tell(entry, entry.outcome);
    await this.record(entry).catch((error: unknown) => this.#report(entry, error));
    // A denial changed nothing, and many of them must not push out what did.
    if (entry.outcome === 'succeeded' || entry.outcome === 'failed') await this.history?.add(entry);
  }

  /** Records an entry. Rejects with `AUDIT_UNAVAILABLE` when the sink does not take it in time. */
  async record(entry: AuditEntry): Promise<void> {
    const now = this.clock.now();
    if (entry.outcome === 'denied' && (await this.#tooManyDenials(now))) return;
    await this.#write(entry, now);
  }

  async #write(entry: AuditEntry, now: number): Promise<void> {
    try {
      const writing = this.#sink(entry, auditLine(entry, now));
      if (writing) await withDeadline(Promise.resolve(writing), SINK_DEADLINE_MS, lateError, this.clock);
    } catch (cause) {
      throw new MessagingError(
        'AUDIT_UNAVAILABLE',
        `"${entry.action}" was not done, because the audit log did not take its entry (${errorCodeOf(cause)}). Repair the audit sink, then try again.`,
        { cause },
      );
    }
  }

  #tell({ action, actor, id }: AuditedAction, outcome: AuditEntry['outcome']): void {
    if (outcome === 'started') return;
    this.emit({ type: 'admin-action', action, outcome, actor, ...(id !== undefined && { id }) });
  }

  #report({ action, outcome }: AuditEntry, error: unknown): void {
    const cause = error instanceof Error ? error.cause : error;
    try {
      this.#logger.error(`The audit log did not take "${action} ${outcome}" (${errorCodeOf(cause)}).`);
    } catch {
      // The logger is the sink that failed, and there is no other place for the report.
    }
  }

  async #tooManyDenials(now: number): Promise<boolean> {
    const minute = Math.floor(now / 60_000);
    if (minute !== this.#minute) {
      const lines = this.#suppressed;
      this.#minute = minute;
      this.#denials = 0;
      this.#suppressed = 0;
      if (lines > 0)
        await this.#write({ action: 'suppressed', actor: '', outcome: 'denied', counts: { lines } }, now);
    }
    this.#denials += 1;
    if (this.#denials <= MAX_DENIALS_PER_MINUTE) return false;
    this.#suppressed += 1;
    return true;
  }
}

function logSink(): AuditSink {
  const logger = new OwnLogger('MessagingAudit');
  return (_, line) => logger.log(line);
}

function lateError(): Error {
  return Object.assign(new Error('Too late'), { name: 'TimeoutError' });
}
