import { join } from 'node:path';
import { repeatEvery } from '../../../../core/messaging/ports/clock.js';
import {
  DELIVERY_RECORD,
  type DeliveryRecordKind,
  type DeliveryRecord,
  RECORD_BYTES,
  RecordBuffer,
  recordAt,
} from './delivery-records.js';
import { type Batch, JournalFile } from './journal-file.js';

/** What the journal needs of its owner. */
export interface JournalListener {
  /** Given every record of the past, in order. */
  readonly apply: (record: DeliveryRecord) => void;
  /** Records are missing between those that were given and those that follow. */
  readonly onMissing: () => void;
  /** Asked for the state of all groups when a file is full. */
  readonly snapshot: (record: (entry: DeliveryRecord) => void) => void;
}

/** What the operating system has but the disk does not may be this old. After a power failure it is delivered again. */
const SYNC_EVERY_MS = 1_000;

/**
 * Remembers which messages are in flight, through the death of this process.
 *
 * A database commit waits for the disk; handing a message to a handler must not. So this is kept beside the database:
 * two files of fixed size, one in use, each beginning with the state of all groups followed by what changed. Writing to
 * them reaches the operating system, which survives a kill; the disk follows within a second. After a power failure
 * the last second of settlements is missing and those messages come again; none is lost, since messages are removed
 * from the log on their own.
 */
export class DeliveryJournal {
  readonly #files: readonly [JournalFile, JournalFile];
  readonly #snapshot: (record: (entry: DeliveryRecord) => void) => void;
  readonly #endSync: () => void;
  #active: JournalFile;
  readonly #pending = new RecordBuffer();
  #unsynced = false;
  #syncing = false;

  constructor(directory: string, { apply, onMissing, snapshot }: JournalListener) {
    this.#files = [
      new JournalFile(join(directory, 'hand-out.0')),
      new JournalFile(join(directory, 'hand-out.1')),
    ];
    this.#snapshot = snapshot;
    this.#active = this.#recover(apply, onMissing);
    this.rotate();
    this.#endSync = repeatEvery(SYNC_EVERY_MS, () => this.#syncSoon());
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** Notes a record for the next {@link flush}. */
  add(kind: DeliveryRecordKind, groupId: number, number: number, attempt: number): void {
    this.#pending.push(kind, groupId, number, attempt);
  }

  /** Makes what was noted survive this process. Throws when the disk refuses; it is noted still. */
  flush(): void {
    if (this.#pending.length === 0) return;
    if (!this.#active.fits(this.#pending.length)) {
      this.rotate();
      return;
    }
    this.#active.append(this.#pending.bytes());
    this.#pending.clear();
    this.#unsynced = true;
  }

  /** Continues in the other file, beginning with the state as it is now, which includes what was noted. */
  rotate(): void {
    // Until the disk has the file in use, the other one is what a power failure leaves behind.
    if (this.#unsynced) this.#active.syncNow();
    const next = this.#active === this.#files[0] ? this.#files[1] : this.#files[0];
    const state = new RecordBuffer();
    state.push(DELIVERY_RECORD.high, 0, 0, 0);
    this.#snapshot((entry) => state.push(entry.kind, entry.groupId, entry.number, entry.attempt));
    next.restart(this.#active.generation + 1, state.bytes());
    this.#active = next;
    this.#pending.clear();
    this.#unsynced = true;
  }

  /** Closes without writing: the files may belong to another process by now. */
  abandon(): void {
    this.#endSync();
    for (const file of this.#files) file.close();
  }

  /** Writes what was noted and waits for the disk. */
  close(): void {
    this.#endSync();
    try {
      this.flush();
      this.#active.syncNow();
    } finally {
      for (const file of this.#files) file.close();
    }
  }

  #recover(apply: (record: DeliveryRecord) => void, onMissing: () => void): JournalFile {
    const [first, second] = [this.#files[0].read(), this.#files[1].read()];
    const isSecond = this.#files[1].generation > this.#files[0].generation;
    const [newest, earlier] = isSecond ? [second, first] : [first, second];
    // Without its beginning, which is the state of all groups, a file continues the one before.
    const begins = newest[0]?.number === 0;
    if (!begins) replay(earlier, earlier[0]?.number ?? 0, { apply, onMissing });
    replay(newest, 0, { apply, onMissing });
    return this.#files[isSecond ? 1 : 0];
  }

  #syncSoon(): void {
    if (!this.#unsynced || this.#syncing) return;
    this.#syncing = true;
    this.#unsynced = false;
    const file = this.#active;
    file.sync((error) => {
      this.#syncing = false;
      if (error) this.#unsynced = true;
    });
  }
}

/** @param next number of the batch that is expected first. */
function replay(
  batches: readonly Batch[],
  next: number,
  { apply, onMissing }: Pick<JournalListener, 'apply' | 'onMissing'>,
): void {
  for (const { number, records } of batches) {
    if (number !== next) onMissing();
    for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES) apply(recordAt(records, at));
    next = number + 1;
  }
}
