import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { nextAttempt, retriedMessage } from '../../../../core/messaging/transport-kit/hand-over.js';
import type { Settlement } from '../../../../core/messaging/ports/transport.js';
import { packOne } from '../records/block.js';
import { dueValue } from '../log/due-table.js';
import type { Writes } from '../database/group-commit.js';
import type { Item } from './group-queue.js';
import type { GroupView, LogContext } from './log-context.js';

const RETRY_MS = 500;

/**
 * Settles what needs the database: a retry, or anything that came from the due table.
 *
 * The copy that is due later is on the disk before the original counts as settled. When the disk refuses, it is tried
 * again until `isGivingUp`; false then.
 */
export async function settleOnDisk(
  open: LogContext,
  group: GroupView,
  { item, settlement, isGivingUp }: { item: Item; settlement: Settlement; isGivingUp: () => boolean },
): Promise<boolean> {
  for (;;) {
    try {
      await open.database.commit(writesFor(open, group, { item, settlement }));
      open.recovered();
      return true;
    } catch (error) {
      if (open.isClosed || isGivingUp()) return false;
      open.reportError(error as Error);
      await pause(RETRY_MS, open.clock);
    }
  }
}

function writesFor(
  { due, clock }: LogContext,
  group: GroupView,
  { item, settlement }: { item: Item; settlement: Settlement },
): Writes {
  const { dueKey } = item;
  if (settlement.kind === 'ack') return { write: () => dueKey && due.remove(dueKey) };
  const dueMs = Math.floor(clock.now() + Math.max(settlement.delayMs, 0));
  const message = retriedMessage(item.message, settlement);
  const key = due.newKey(group.record.id, dueMs);
  const attempt = nextAttempt(item.attempt, settlement);
  const value = dueValue(packOne(message, item.appendedAt), attempt, item.origin);
  return {
    write: () => {
      group.dueWriting(key);
      due.put(key, value);
      if (dueKey) due.remove(dueKey);
    },
    settled: (committed) => group.dueWritten(key, dueMs, committed),
  };
}
