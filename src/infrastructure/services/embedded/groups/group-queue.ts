import type { Unacceptable, WireMessage } from '../../../../core/messaging/ports/transport.js';
import type { StoredMessage } from '../records/block.js';
import type { DueTable } from '../log/due-table.js';
import type { DeliveryState } from '../journal/delivery-state.js';
import { serialOf } from '../records/keys.js';
import type { PlacedBlock, TopicLog } from '../log/topic-log.js';

/** Keys of due entries that are kept ready. */
const DUE_PAGE = 256;

/** A message on its way to a handler. */
export interface Item {
  readonly message: WireMessage;
  /** Why no handler can get it. */
  readonly unacceptable?: Unacceptable;
  readonly attempt: number;
  readonly appendedAt: number;
  /** Sequence number in the log, or serial number of the due entry. */
  readonly number: number;
  /** Of the due entry; absent for a message from the log. */
  readonly dueKey?: Buffer;
  /** Sequence number of the message in the log, also after retries. 0 when it never was there. */
  readonly origin: number;
}

interface QueueParts {
  readonly log: TopicLog;
  readonly due: DueTable;
  readonly state: DeliveryState;
  readonly noteCorrupt: (place: string, records?: number) => void;
  /** Everything due by this time was read; {@link GroupQueue.dueArrived} must be called when more is. */
  readonly onDueRead: (nowMs: number) => void;
}

/** Decides what a group gets next: what came back, then what is due, then the log. Reads only when asked. */
export class GroupQueue {
  readonly #groupId: number;
  readonly #log: TopicLog;
  readonly #due: DueTable;
  readonly #state: DeliveryState;
  readonly #onDueRead: (nowMs: number) => void;
  readonly #noteCorrupt: (place: string, records?: number) => void;
  /** Taken before and not settled, lowest first. */
  #returned: number[];
  #dueReady: Buffer[] = [];
  #dueReadUntil: Buffer | undefined;
  /** False while nothing can be due: looking would cost more than reading a message from the log. */
  #dueIsPossible = true;
  readonly #dueWriting = new Set<number>();
  #nextSeq: number;
  #current: PlacedBlock | undefined;

  constructor(groupId: number, { log, due, state, noteCorrupt, onDueRead }: QueueParts) {
    this.#noteCorrupt = noteCorrupt;
    this.#groupId = groupId;
    this.#onDueRead = onDueRead;
    this.#log = log;
    this.#due = due;
    this.#state = state;
    this.#returned = [...state.open.keys()].sort((one, other) => one - other);
    this.#nextSeq = state.high + 1;
  }

  /** Messages that could be delivered, without the due entries that were not read yet. */
  get size(): number {
    const unread = this.#log.nextSeq - Math.max(this.#nextSeq, this.#log.firstSeq);
    return Math.max(unread, 0) + this.#returned.length + this.#dueReady.length;
  }

  next(nowMs: number): Item | undefined {
    return this.#nextReturned() ?? this.#nextDue(nowMs) ?? this.#nextFromLog();
  }

  /** Takes back what was not handed over. */
  giveBack(item: Item): void {
    if (item.dueKey) {
      this.#dueReady.unshift(item.dueKey);
      return;
    }
    const at = this.#returned.findIndex((seq) => seq > item.number);
    this.#returned.splice(at < 0 ? this.#returned.length : at, 0, item.number);
  }

  /** The entry may be visible before the disk has it, and must not be delivered then. */
  dueWriting(key: Buffer): void {
    this.#dueWriting.add(serialOf(key));
  }

  dueWritten(key: Buffer, committed: boolean): void {
    this.#dueWriting.delete(serialOf(key));
    // Reading has passed its place already and will not come back.
    this.#dueIsPossible = true;
    const isBehind = this.#dueReadUntil && Buffer.compare(key, this.#dueReadUntil) <= 0;
    if (committed && isBehind) this.#dueReady.push(key);
  }

  /** It is time for an entry. */
  dueArrived(): void {
    this.#dueIsPossible = true;
  }

  /** Continues behind `seq`. Returns what will not be delivered again because of it. */
  skipTo(seq: number): number[] {
    const skipped = this.#returned.filter((returned) => returned <= seq);
    this.#returned = this.#returned.filter((returned) => returned > seq);
    this.#nextSeq = Math.max(this.#nextSeq, seq + 1);
    return skipped;
  }

  #nextReturned(): Item | undefined {
    for (;;) {
      const seq = this.#returned.shift();
      if (seq === undefined) return undefined;
      const item = this.#itemAt(seq, this.#state.open.get(seq) ?? 1) ?? this.#missing(seq, seq + 1);
      if (item) return item;
      this.#state.open.delete(seq); // removed from the log, so it was settled before a power failure
    }
  }

  #nextDue(nowMs: number): Item | undefined {
    for (;;) {
      if (this.#dueReady.length === 0 && this.#dueIsPossible) this.#readDue(nowMs);
      const key = this.#dueReady.shift();
      if (!key) return undefined;
      const entry = this.#due.read(key);
      if (!entry) continue;
      const number = serialOf(key);
      const attempt = Math.max(entry.attempt, this.#state.openDue.get(number) ?? 0);
      const { message, unreadable, appendedAt, origin } = entry;
      const item = { message, attempt, appendedAt, number, dueKey: key, origin };
      if (unreadable === undefined) return item;
      const place = `Delayed record ${number} for a group of "${this.#log.topic}"`;
      return { ...item, ...this.#unreadable(entry, unreadable, place) };
    }
  }

  #readDue(nowMs: number): void {
    while (this.#dueReady.length === 0) {
      const page = this.#due.keys(this.#groupId, nowMs, { after: this.#dueReadUntil, limit: DUE_PAGE });
      if (page.length === 0) {
        this.#dueIsPossible = false;
        this.#onDueRead(nowMs);
        return;
      }
      this.#dueReadUntil = page.at(-1);
      this.#dueReady = page.filter((key) => !this.#dueWriting.has(serialOf(key)));
    }
  }

  #nextFromLog(): Item | undefined {
    if (this.#nextSeq >= this.#log.nextSeq) {
      this.#current = undefined; // an idle group must not keep a block in memory
      return undefined;
    }
    const item = this.#itemAt(this.#nextSeq, 1) ?? this.#missing(this.#nextSeq, this.#current?.first);
    if (!item) {
      // Removed before it was read: continue with the earliest that is left.
      this.#nextSeq = Math.max(this.#nextSeq + 1, this.#current?.first ?? this.#log.nextSeq);
      return this.#nextFromLog();
    }
    this.#nextSeq = item.number + 1;
    return item;
  }

  #itemAt(seq: number, attempt: number): Item | undefined {
    let placed = this.#current;
    if (!placed || seq < placed.first || seq >= placed.first + placed.block.count) {
      placed = this.#log.blockAt(seq);
      this.#current = placed;
      if (!placed || placed.first > seq) return undefined;
    }
    const { block, first } = placed;
    const stored = block.message(seq - first);
    const { appendedAt } = block;
    const item = { message: stored.message, attempt, appendedAt, number: seq, origin: seq };
    return stored.unreadable === undefined
      ? item
      : { ...item, ...this.#unreadable(stored, stored.unreadable, `Record ${seq} of "${this.#log.topic}"`) };
  }

  /** For the messages from `seq` to before `next` when the log should have them. They are reported as one. */
  #missing(seq: number, next: number = this.#log.nextSeq): Item | undefined {
    if (seq < this.#log.firstSeq || seq >= next) return undefined;
    const last = next - 1;
    const count = next - seq;
    const place = `${last === seq ? `Record ${seq}` : `Records ${seq} to ${last}`} of "${this.#log.topic}"`;
    this.#noteCorrupt(place, count);
    const lost = count === 1 ? 'One message is lost' : `${count} messages are lost`;
    return {
      message: { id: place, headers: {}, body: Buffer.alloc(0) },
      unacceptable: { reason: 'corrupt', detail: `${place} cannot be found. ${lost}.` },
      attempt: 1,
      appendedAt: NaN,
      number: last,
      origin: last,
    };
  }

  /** A record that cannot be read gets its place for an id, and is delivered to be parked. */
  #unreadable(
    { message }: StoredMessage,
    why: string,
    place: string,
  ): Pick<Item, 'message' | 'unacceptable'> {
    this.#noteCorrupt(place);
    const detail = `${place} cannot be read: ${why}. Its bytes are kept as the body.`;
    return { message: { ...message, id: place }, unacceptable: { reason: 'corrupt', detail } };
  }
}
