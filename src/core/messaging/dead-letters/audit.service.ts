import { Logger } from '@nestjs/common';
import { auditLine, type AuditEntry } from './audit-entry.js';

/** Denials that are written a minute; a scanner must not be able to fill the log. */
const MAX_DENIALS_PER_MINUTE = 120;

/** Writes every operation on dead letters with its actor, one JSON line each, in the log category `MessagingAudit`. */
export class AuditLog {
  readonly #logger = new Logger('MessagingAudit');
  #minute = 0;
  #denials = 0;
  #suppressed = 0;

  /** @param nowMs milliseconds since 1970. */
  record(entry: AuditEntry, nowMs: number): void {
    if (entry.outcome === 'denied' && this.#tooManyDenials(nowMs)) return;
    this.#logger.log(auditLine(entry, nowMs));
  }

  #tooManyDenials(nowMs: number): boolean {
    const minute = Math.floor(nowMs / 60_000);
    if (minute !== this.#minute) {
      if (this.#suppressed > 0) {
        this.#logger.warn(
          auditLine(
            { action: 'suppressed', actor: '', outcome: 'denied', counts: { lines: this.#suppressed } },
            nowMs,
          ),
        );
      }
      this.#minute = minute;
      this.#denials = 0;
      this.#suppressed = 0;
    }
    this.#denials += 1;
    if (this.#denials <= MAX_DENIALS_PER_MINUTE) return false;
    this.#suppressed += 1;
    return true;
  }
}
