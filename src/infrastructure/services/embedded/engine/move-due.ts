import { packBlocks } from '../log/block.js';
import type { LogContext } from '../groups/log-context.js';
import type { TopicLog } from '../log/topic-log.js';

const MESSAGES_PER_COMMIT = 256;
const RETRY_MS = 1_000;

/** Moves the delayed messages of a topic that are due into its log, in one transaction each time. */
export async function moveDue(open: LogContext, log: TopicLog): Promise<void> {
  const { due, clock, alarm, database } = open;
  const now = clock.now();
  const keys = due.keys(log.id, now, { limit: MESSAGES_PER_COMMIT });
  if (keys.length === 0) {
    const next = due.nextDueMs(log.id, now);
    if (next !== undefined) alarm.set(log.id, next);
    return;
  }
  const messages = keys.flatMap((key) => due.read(key)?.message ?? []);
  const appending = log.appending(packBlocks(messages, now));
  try {
    await database.commit({
      ...appending,
      write: () => {
        appending.write();
        for (const key of keys) due.remove(key);
      },
    });
    open.recovered();
    alarm.set(log.id, now);
  } catch (error) {
    if (open.isClosed) return;
    open.reportError(error as Error);
    alarm.set(log.id, now + RETRY_MS);
  }
}
