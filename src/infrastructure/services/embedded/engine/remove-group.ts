import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { DELIVERY_RECORD } from '../journal/delivery-records.js';
import { LAST } from '../records/keys.js';
import type { LogEngine } from './log-engine.js';

const ENTRIES_PER_COMMIT = 1_000;

/** See `EmbeddedTransport.removeGroup`. */
export async function removeGroup(open: LogEngine, topic: string, name: string): Promise<boolean> {
  const group = open.group(topic, name);
  if (!group) return false;
  if (group.isConsumed)
    throw new MessagingError(
      'CONFLICT',
      `The group "${name}" of "${topic}" consumes. Stop its consumers first.`,
    );
  const { record, log } = group;
  await open.database.commit({
    write: () => open.catalog.writeRemoval(record),
    settled: (committed) => {
      if (committed) open.forget(group);
    },
  });
  open.journal.add(DELIVERY_RECORD.forgotten, record.id, 0, 0);
  for (;;) {
    const keys = open.due.keys(record.id, LAST - 1, { limit: ENTRIES_PER_COMMIT });
    if (keys.length === 0) break;
    await open.database.commit({
      write: () => {
        for (const key of keys) open.due.remove(key);
      },
    });
  }
  open.noteSettled(log);
  return true;
}
