import type { DueTable } from '../log/due-table.js';
import type { DeliveryJournal } from '../journal/delivery-journal.js';
import { DELIVERY_RECORD } from '../journal/delivery-records.js';
import type { DeliveryState } from '../journal/delivery-state.js';
import { LAST, serialOf } from '../records/keys.js';

const PAGE = 1_000;
/** Entries that are read for where they came from. A message whose retry lies behind them may be delivered twice. */
const READ_LIMIT = 10_000;

/**
 * Settles what is settled in the database but not in the journal: the last process ended between the two.
 *
 * A retry or a removal is in the database first, so the journal may still have the original in flight. The journal gets a record,
 * or the next process would see the original in flight once more when the retry is done and gone.
 */
export function dropSettled(
  groupId: number,
  state: DeliveryState,
  { due, journal }: { due: DueTable; journal: DeliveryJournal },
): void {
  if (state.open.size === 0 && state.openDue.size === 0) return;
  const missing = new Set(state.openDue.keys());
  let reads = state.open.size > 0 ? READ_LIMIT : 0;
  for (const key of entriesOf(groupId, due)) {
    missing.delete(serialOf(key));
    if (reads <= 0) continue;
    reads -= 1;
    const origin = due.read(key)?.origin ?? 0;
    if (state.open.delete(origin)) journal.add(DELIVERY_RECORD.settled, groupId, origin, 0);
  }
  for (const serial of missing) {
    state.openDue.delete(serial);
    journal.add(DELIVERY_RECORD.dueSettled, groupId, serial, 0);
  }
}

function* entriesOf(groupId: number, due: DueTable): Generator<Buffer> {
  for (let after: Buffer | undefined; ;) {
    const page = due.keys(groupId, LAST - 1, { after, limit: PAGE });
    yield* page;
    after = page.at(-1);
    if (page.length < PAGE) return;
  }
}
