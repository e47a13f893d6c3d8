import { MessagingError, NotKeptError } from '../../../../core/messaging/ports/errors.js';
import { packBlocks } from '../records/block.js';
import type { DueEntry } from '../log/due-table.js';
import type { LogContext } from '../groups/log-context.js';
import { serialOf } from '../records/keys.js';
import type { TopicLog } from '../log/topic-log.js';

const MESSAGES_PER_COMMIT = 256;
const RETRY_MS = 1_000;

interface Due {
  readonly key: Buffer;
  readonly entry: DueEntry;
}

interface Move {
  readonly open: LogContext;
  readonly log: TopicLog;
  readonly now: number;
}

/** Moves the delayed messages of topics that are due into their logs. */
export class DueMover {
  /** Topics whose messages are being moved. */
  readonly #moving = new Set<TopicLog>();
  /** Of these, the ones for which the alarm has rung meanwhile. */
  readonly #again = new Set<TopicLog>();
  /** When messages that cannot be read are offered to the store of dead letters again, which did not keep one. */
  readonly #parkAgainAt = new Map<TopicLog, number>();

  /** Never rejects. Not twice at a time for one topic, or messages would be moved twice. */
  move(open: LogContext, log: TopicLog): void {
    if (this.#moving.has(log)) {
      this.#again.add(log);
      return;
    }
    this.#moving.add(log);
    void this.#try(open, log).finally(() => {
      this.#moving.delete(log);
      if (this.#again.delete(log) && !open.isClosed) this.move(open, log);
    });
  }

  async #try(open: LogContext, log: TopicLog): Promise<void> {
    const { clock, alarm, due } = open;
    const now = clock.now();
    try {
      await this.#moveAll(open, log, now);
      if (!this.#parkAgainAt.has(log)) open.recovered();
      const next = due.nextDueMs(log.id, now);
      if (next !== undefined) alarm.set(log.id, next);
    } catch (error) {
      // Also of reads: a page of the file may be damaged.
      if (open.isClosed) return;
      open.reportError(error as Error);
      alarm.set(log.id, now + RETRY_MS);
    }
  }

  /** In a transaction for each page of messages. */
  async #moveAll(open: LogContext, log: TopicLog, now: number): Promise<void> {
    const { due } = open;
    for (let after: Buffer | undefined; !open.isClosed;) {
      const keys = due.keys(log.id, now, { after, limit: MESSAGES_PER_COMMIT });
      after = keys.at(-1);
      if (after === undefined) return;
      const found = keys.flatMap((key): Due[] => {
        const entry = due.read(key);
        return entry ? [{ key, entry }] : [];
      });
      const readable = found.filter(({ entry }) => entry.unreadable === undefined);
      await append({ open, log, now }, readable);
      for (const one of found)
        if (one.entry.unreadable !== undefined) await this.#parkInTime({ open, log, now }, one);
    }
  }

  /** One that the store does not keep stays, and keeps no other from its time. */
  async #parkInTime({ open, log, now }: Move, one: Due): Promise<void> {
    const again = this.#parkAgainAt.get(log) ?? 0;
    if (again <= now) {
      try {
        await park(open, log, one);
        this.#parkAgainAt.delete(log);
        return;
      } catch (error) {
        if (open.isClosed) return;
        open.reportError(error as Error);
        this.#parkAgainAt.set(log, now + (error instanceof NotKeptError ? error.retryAfterMs : RETRY_MS));
      }
    }
    open.alarm.set(log.id, this.#parkAgainAt.get(log) ?? now + RETRY_MS);
  }
}

async function append({ open, log, now }: Move, readable: readonly Due[]): Promise<void> {
  if (readable.length === 0) return;
  const { due, database } = open;
  const messages = readable.map(({ entry }) => entry.message);
  const appending = log.appending(packBlocks(messages, now));
  await database.commit({
    ...appending,
    write: () => {
      appending.write();
      for (const { key } of readable) due.remove(key);
    },
  });
}

/** Belongs to no group so far, so it is kept for all of them before it is removed. Rejects when it cannot be kept now. */
async function park(
  { database, due, keepRefused, name, noteCorrupt }: LogContext,
  { topic }: TopicLog,
  { key, entry: { message, unreadable } }: Due,
): Promise<void> {
  const place = `Delayed record ${serialOf(key)} of "${topic}"`;
  const text = `${place} cannot be read: ${unreadable}. Its bytes are kept as the body.`;
  const error = new MessagingError('RECORD_CORRUPT', text);
  if (!keepRefused) throw error;
  await keepRefused({
    to: { topic },
    message: { ...message, id: place },
    reason: 'corrupt',
    error,
    transport: name,
  });
  await database.commit({ write: () => due.remove(key) });
  noteCorrupt(place);
}
