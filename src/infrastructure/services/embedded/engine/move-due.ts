import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { WireMessage } from '../../../../core/messaging/ports/transport.js';
import { packBlocks } from '../log/block.js';
import type { LogContext } from '../groups/log-context.js';
import { serialOf } from '../log/keys.js';
import type { TopicLog } from '../log/topic-log.js';

const MESSAGES_PER_COMMIT = 256;
const RETRY_MS = 1_000;

/** Moves the delayed messages of a topic that are due into its log, in one transaction each time. */
export async function moveDue(open: LogContext, log: TopicLog): Promise<void> {
  const now = open.clock.now();
  try {
    await moveDueAt(now, open, log);
  } catch (error) {
    // Also of reads: a page of the file may be damaged.
    if (open.isClosed) return;
    open.reportError(error as Error);
    open.alarm.set(log.id, now + RETRY_MS);
  }
}

async function moveDueAt(now: number, open: LogContext, log: TopicLog): Promise<void> {
  const { due, alarm, database } = open;
  const keys = due.keys(log.id, now, { limit: MESSAGES_PER_COMMIT });
  if (keys.length === 0) {
    const next = due.nextDueMs(log.id, now);
    if (next !== undefined) alarm.set(log.id, next);
    return;
  }
  const entries = keys.map((key) => ({ key, entry: due.read(key) }));
  const readable = entries.filter(({ entry }) => entry?.unreadable === undefined);
  const messages = readable.flatMap(({ entry }) => entry?.message ?? []);
  const appending = log.appending(packBlocks(messages, now));
  await database.commit({
    ...appending,
    write: () => {
      appending.write();
      for (const { key } of readable) due.remove(key);
    },
  });
  for (const { key, entry } of entries)
    if (entry?.unreadable !== undefined) await park(open, log, { key, ...entry });
  open.recovered();
  alarm.set(log.id, now);
}

/** Belongs to no group so far, so it is kept for all of them before it is removed. Rejects when it cannot be kept now. */
async function park(
  { database, due, keepRefused, name, noteCorrupt }: LogContext,
  { topic }: TopicLog,
  { key, message, unreadable }: { key: Buffer; message: WireMessage; unreadable?: string },
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
