import type { Clock, TransportContext, TransportEvent } from '../../../../core/messaging/ports/transport.js';
import type { DueTimer } from '../log/due-timer.js';
import type { DueTable } from '../log/due-table.js';
import type { EmbeddedDatabase } from '../database/embedded-database.js';
import type { Item } from './group-queue.js';
import type { DeliveryJournal } from '../journal/delivery-journal.js';
import type { DeliveryState } from '../journal/delivery-state.js';
import type { LogReader, TopicLog } from '../log/topic-log.js';
import type { Supplier, DispatchCycle } from './dispatch-cycle.js';

/** What the parts of an opened log share. */
export interface LogContext {
  readonly name: string;
  readonly clock: Clock;
  readonly database: EmbeddedDatabase;
  readonly due: DueTable;
  readonly alarm: DueTimer;
  readonly journal: DeliveryJournal;
  readonly turns: DispatchCycle;
  readonly isClosed: boolean;
  readonly keepRefused: TransportContext['keepRefused'];
  emit(event: TransportEvent): void;
  /** Reports each error once until {@link recovered}. */
  reportError(error: Error): void;
  /** A record that is not as it was written, or several that are missing. Reported once each. */
  readonly noteCorrupt: (place: string, records?: number) => void;
  /** The disk has taken something again. */
  recovered(): void;
  /** Something of the topic was settled, so that some of it may go. */
  noteSettled(log: TopicLog): void;
}

/** A group as the parts see it that deliver, settle and remove. */
export interface GroupView extends Supplier, LogReader {
  readonly state: DeliveryState;
  readonly log: TopicLog;
  /** It is time for an entry of the due table. */
  dueArrived(): void;
  /** An entry of this group is being written to the due table: not to be read before {@link dueWritten}. */
  dueWriting(key: Buffer): void;
  dueWritten(key: Buffer, dueMs: number, committed: boolean): void;
  /** Notes in state and journal that the item is taken: `handed` to a handler, or waiting for one. */
  note(item: Item, handed: boolean): void;
  /** The item needs no further delivery. */
  settle(item: Item): void;
  /** The item was not handed over, or could not be settled; it will be delivered again as `attempt`. */
  giveBack(item: Item, attempt: number): void;
}
