import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type AuditEntry, auditLine } from '../observing/audit-entry.js';
import type { MessagingEvent } from '../observing/events.js';
import { OwnLogger } from '../observing/own-logger.js';
import type { ControlEntry, ControlPage, ControlStore } from '../ports/control-store.js';
import { errorCodeOf, MessagingError } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { settlesWithin, withDeadline } from '../transport-kit/deadline.js';

/** Keys: `audit/<time, counted backwards>-<what keeps them apart>`, so that the newest comes first. */
const PREFIX = 'audit/';
const RETENTION_MS = 30 * 24 * 3_600_000;
/** Older ones are removed. */
const MAX_AUDIT_ENTRIES = 5_000;
/** Counting them reads all, so it is done after so many additions. */
const TRIM_EVERY = 64;
const PAGE = 500;
/** Most entries that one question reads. */
const MAX_SCAN = 2_000;
/** A change waits so long for its entry, so that who made it finds it. */
const WAIT_MS = 2_000;
/** Longer than the deadline that a store keeps itself, so that its own error is the one that is seen. */
const DEADLINE_MS = 15_000;
/** Between two lines about missing entries. */
const LOG_EVERY_MS = 10_000;
/** A time of 13 digits ends in the year 2286. */
const LAST_MS = 9_999_999_999_999;
const TIME_DIGITS = 13;

const storedSchema = z.object({
  at: z.iso.datetime(),
  action: z.string(),
  outcome: z.enum(['succeeded', 'failed']),
  actor: z.string(),
  id: z.string().optional(),
  filter: z.record(z.string(), z.unknown()).optional(),
  counts: z.record(z.string(), z.number()).optional(),
  reason: z.string().optional(),
  errorCode: z.string().optional(),
});

/** A change, and how it ended. */
type AuditRecord = z.output<typeof storedSchema> & {
  /** Where it is in the list. */
  readonly place: string;
};

/** All given conditions must hold. `from` is inclusive, `to` is not; both are milliseconds since 1970. */
export interface AuditFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly outcome?: 'succeeded' | 'failed';
  readonly id?: string;
  readonly from?: number;
  readonly to?: number;
}

export interface AuditPage {
  readonly items: readonly AuditRecord[];
  /** Pass it as `after` for what follows. Absent at the end. */
  readonly next?: string;
}

/**
 * What operators have done in the last 30 days, in the control store: the newest 5,000 actions.
 *
 * The audit log is the record that a change depends on, and this is a list of it to read. So a store that does not answer
 * prevents no change: its entry is missing then, which is counted and logged.
 */
export class AuditHistory {
  readonly #logger = new OwnLogger('Messaging');
  readonly #maxEntries: number;
  #added = 0;
  #missed = 0;
  #toldAt = -Infinity;
  #isTrimming = false;

  constructor(
    private readonly store: ControlStore,
    private readonly clock: Clock,
    private readonly emit: (event: MessagingEvent) => void,
    { maxEntries = MAX_AUDIT_ENTRIES }: { readonly maxEntries?: number } = {},
  ) {
    this.#maxEntries = maxEntries;
  }

  /** `shared`: of all processes that use the same control store; `process`: of this one. */
  get scope(): 'shared' | 'process' {
    return this.store.isLocal === true ? 'process' : 'shared';
  }

  /** Actions of this process that are not in the list because the store did not take them. */
  get missed(): number {
    return this.#missed;
  }

  /** Adds how a change ended. Waits for the store up to 2 s, and never rejects. */
  async add(entry: AuditEntry): Promise<void> {
    const writing = this.#write(entry).catch((error: unknown) => this.#miss(entry, error));
    await settlesWithin(writing, WAIT_MS, this.clock);
  }

  /** Newest first. Reads at most 2,000 entries, so that a page may be empty and have a `next`. */
  async list(
    filter: AuditFilter,
    { limit, after }: { readonly limit: number; readonly after?: string },
  ): Promise<AuditPage> {
    const items: AuditRecord[] = [];
    let at = startOf(filter, after);
    for (let scanned = 0; scanned < MAX_SCAN; scanned += PAGE) {
      const page = await this.#page(at);
      for (const entry of page.entries) {
        const record = recordOf(entry);
        if (!record) continue;
        if (Date.parse(record.at) < (filter.from ?? -Infinity)) return { items };
        if (matches(record, filter)) items.push(record);
        if (items.length === limit) return { items, next: entry.key };
      }
      if (page.after === undefined) return { items };
      at = page.after;
    }
    return { items, ...(at !== undefined && { next: at }) };
  }

  #page(after: string | undefined): Promise<ControlPage> {
    return this.#inTime(this.store.list(PREFIX, { limit: PAGE, ...(after !== undefined && { after }) }));
  }

  async #write(entry: AuditEntry): Promise<void> {
    const now = this.clock.now();
    // Those of one process and millisecond keep their order, newest first.
    const nth = String(9_999 - (this.#added % 10_000)).padStart(4, '0');
    this.#added += 1;
    const key = `${keyOf(now)}-${nth}-${randomBytes(4).toString('hex')}`;
    await this.#inTime(this.store.put(key, auditLine(entry, now), { ttlMs: RETENTION_MS }));
    if (this.#added % TRIM_EVERY === 1) void this.#trim();
  }

  /** In the background; what fails is done by the next one. */
  async #trim(): Promise<void> {
    if (this.#isTrimming) return;
    this.#isTrimming = true;
    await this.#removeOldest().catch(() => undefined);
    this.#isTrimming = false;
  }

  async #removeOldest(): Promise<void> {
    let kept = 0;
    let after: string | undefined;
    do {
      const page = await this.#page(after);
      for (const { key } of page.entries) {
        if (kept < this.#maxEntries) kept += 1;
        else await this.#inTime(this.store.delete(key));
      }
      after = page.after;
    } while (after !== undefined);
  }

  #miss({ action, outcome }: AuditEntry, error: unknown): void {
    this.#missed += 1;
    this.emit({ type: 'audit-missed', action });
    const now = this.clock.monotonic();
    if (now - this.#toldAt < LOG_EVERY_MS) return;
    this.#toldAt = now;
    this.#logger.warn(
      `The control store did not take "${action} ${outcome}" (${errorCodeOf(error)}): the list of actions misses ${this.#missed} of this process so far; the audit log has them.`,
    );
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return withDeadline(work, DEADLINE_MS, lateError, this.clock);
  }
}

function keyOf(ms: number): string {
  const backwards = Math.min(Math.max(LAST_MS - Math.floor(ms), 0), LAST_MS);
  return `${PREFIX}${String(backwards).padStart(TIME_DIGITS, '0')}`;
}

/** The key to list after. A cursor may be forged. */
function startOf({ to }: AuditFilter, after: string | undefined): string | undefined {
  const starts = [
    ...(to === undefined ? [] : [`${keyOf(to)}~`]),
    ...(after?.startsWith(PREFIX) === true ? [after] : []),
  ];
  return starts.sort().at(-1);
}

/** Undefined for an entry that a later version may have written. */
function recordOf({ key, value }: ControlEntry): AuditRecord | undefined {
  try {
    return { ...storedSchema.parse(JSON.parse(value)), place: key };
  } catch {
    return undefined;
  }
}

function matches(record: AuditRecord, { from: _, to: __, ...wanted }: AuditFilter): boolean {
  return Object.entries(wanted).every(([name, value]) => record[name as keyof typeof wanted] === value);
}

function lateError(): MessagingError {
  return new MessagingError(
    'STORE_UNAVAILABLE',
    `The control store did not answer within ${DEADLINE_MS} ms.`,
  );
}
