import type { Backlog } from '../../../../core/messaging/ports/transport.js';
import type { GroupRecord } from '../log/catalog.js';
import type { GroupConsumer } from './group-consumer.js';
import { GroupQueue, type Item } from './group-queue.js';
import { DELIVERY_RECORD } from '../journal/delivery-records.js';
import { dropSettled } from './recovery.js';
import type { DeliveryState } from '../journal/delivery-state.js';
import { LAST } from '../records/keys.js';
import type { GroupView, LogContext } from './log-context.js';
import type { TopicLog } from '../log/topic-log.js';
import type { Offer } from './dispatch-cycle.js';

/** Due entries that are looked at to find the oldest. */
const OLDEST_AMONG = 100;

/** A consumer group of a topic: what it has in flight, what comes next, and the consumers that share the work. */
export class Group implements GroupView {
  readonly state: DeliveryState;
  readonly log: TopicLog;
  readonly #queue: GroupQueue;
  readonly #open: LogContext;
  readonly #consumers: GroupConsumer[] = [];
  /** The consumer that has messages of a key in flight. The next of that key go there, or wait when it takes no more. */
  readonly #keyOwners = new Map<string, { readonly consumer: GroupConsumer; inFlight: number }>();
  record: GroupRecord;
  #held: Item | undefined;
  #inFlight = 0;
  #cycle = 0;

  constructor(
    record: GroupRecord,
    { open, log, state }: { open: LogContext; log: TopicLog; state: DeliveryState },
  ) {
    this.record = record;
    this.#open = open;
    this.log = log;
    this.state = state;
    // Kept in the database for the day on which the journal is lost.
    state.high = Math.max(state.high, record.floor - 1);
    // A journal that is newer than the log, as in a directory with files of two backups, must not hide messages.
    state.limit(log.nextSeq - 1);
    dropSettled(record.id, state, open);
    this.#queue = new GroupQueue(record.id, {
      log,
      due: open.due,
      state,
      noteCorrupt: open.noteCorrupt,
      onDueRead: (nowMs) => this.#armAlarm(nowMs),
    });
  }

  get isConsumed(): boolean {
    return this.#consumers.length > 0;
  }

  add(consumer: GroupConsumer): void {
    this.#consumers.push(consumer);
    this.wake();
  }

  remove(consumer: GroupConsumer): void {
    const at = this.#consumers.indexOf(consumer);
    if (at >= 0) this.#consumers.splice(at, 1);
    this.wake();
  }

  wake(): void {
    if (this.isConsumed) this.#open.turns.wake(this);
  }

  dueArrived(): void {
    this.#queue.dueArrived();
    this.wake();
  }

  dueWriting(key: Buffer): void {
    this.#queue.dueWriting(key);
  }

  dueWritten(key: Buffer, dueMs: number, committed: boolean): void {
    this.#queue.dueWritten(key, committed);
    if (!committed) return;
    if (dueMs <= this.#open.clock.now()) this.wake();
    else this.#open.alarm.set(this.record.id, dueMs);
  }

  collect(offers: Offer[]): void {
    const now = this.#open.clock.now();
    while (this.#consumers.some((consumer) => consumer.free > 0)) {
      const item = this.#held ?? this.#queue.next(now);
      this.#held = undefined;
      if (!item) return;
      const consumer = this.#consumerFor(item);
      if (!consumer) {
        this.#held = item;
        return;
      }
      this.#inFlight += 1;
      this.#own(item, consumer);
      offers.push(consumer.take(item));
    }
  }

  note(item: Item, handed: boolean): void {
    const { journal } = this.#open;
    const { number, attempt } = item;
    if (item.dueKey) {
      this.state.openDue.set(number, handed ? attempt + 1 : attempt);
      journal.add(
        handed ? DELIVERY_RECORD.dueHanded : DELIVERY_RECORD.dueTaken,
        this.record.id,
        number,
        attempt,
      );
      return;
    }
    this.state.high = Math.max(this.state.high, number);
    this.state.open.set(number, handed ? attempt + 1 : attempt);
    journal.add(handed ? DELIVERY_RECORD.handed : DELIVERY_RECORD.taken, this.record.id, number, attempt);
  }

  settle(item: Item): void {
    const { journal, turns } = this.#open;
    this.#inFlight -= 1;
    this.#disown(item);
    if (item.dueKey) {
      this.state.openDue.delete(item.number);
      journal.add(DELIVERY_RECORD.dueSettled, this.record.id, item.number, 0);
    } else {
      this.state.open.delete(item.number);
      journal.add(DELIVERY_RECORD.settled, this.record.id, item.number, 0);
      this.#open.noteSettled(this.log);
    }
    turns.wake(this);
  }

  giveBack(item: Item, attempt: number): void {
    this.#inFlight -= 1;
    this.#disown(item);
    this.note({ ...item, attempt }, false);
    if (this.#held) this.#queue.giveBack(this.#held); // or it would overtake the one that comes back
    this.#held = undefined;
    this.#queue.giveBack(item);
    this.#open.turns.wake(this);
  }

  skipTo(seq: number): void {
    for (const skipped of this.#queue.skipTo(seq)) {
      this.state.open.delete(skipped);
      this.#open.journal.add(DELIVERY_RECORD.settled, this.record.id, skipped, 0);
    }
    this.state.high = Math.max(this.state.high, seq);
    this.#open.journal.add(DELIVERY_RECORD.high, this.record.id, this.state.high, 0);
    this.#open.turns.wake(this);
  }

  backlog(): Backlog {
    const now = this.#open.clock.now();
    const { due } = this.#open;
    const dueNow = due.count(this.record.id, 0, now + 1);
    // Those of the topic count until they are moved, also where that is late.
    const delayed = due.count(this.record.id, now + 1, LAST) + due.count(this.log.id, 0, LAST);
    const dueInFlight = Math.min(this.state.openDue.size, dueNow);
    const inLog = Math.max(this.log.nextSeq - Math.max(this.state.high + 1, this.log.firstSeq), 0);
    const unsettled = inLog + this.state.open.size + this.state.openDue.size + dueNow - dueInFlight;
    const oldestAt = this.#oldestAt();
    return {
      ready: Math.max(unsettled - this.#inFlight, 0),
      inFlight: this.#inFlight,
      delayed,
      ...(oldestAt !== undefined && { oldestAgeMs: Math.max(now - oldestAt, 0) }),
    };
  }

  #oldestAt(): number | undefined {
    const { due } = this.#open;
    let oldest =
      this.state.floor < this.log.nextSeq ? this.log.blockAt(this.state.floor)?.block.appendedAt : undefined;
    for (const key of due.keys(this.record.id, LAST - 1, { limit: OLDEST_AMONG })) {
      const appendedAt = due.read(key)?.appendedAt;
      if (appendedAt !== undefined && !(oldest !== undefined && oldest <= appendedAt)) oldest = appendedAt;
    }
    return Number.isNaN(oldest) ? undefined : oldest;
  }

  #own({ message: { key } }: Item, consumer: GroupConsumer): void {
    if (key === undefined || !consumer.isKeyed) return;
    const owner = this.#keyOwners.get(key) ?? { consumer, inFlight: 0 };
    owner.inFlight += 1;
    this.#keyOwners.set(key, owner);
  }

  #disown({ message: { key } }: Item): void {
    const owner = key === undefined ? undefined : this.#keyOwners.get(key);
    if (key !== undefined && owner && --owner.inFlight === 0) this.#keyOwners.delete(key);
  }

  /** One consumer at a time has messages of a key, or their order would depend on which is faster. */
  #consumerFor({ message: { key } }: Item): GroupConsumer | undefined {
    const all = this.#consumers;
    const owner = key === undefined ? undefined : this.#keyOwners.get(key);
    if (owner) return owner.consumer.free > 0 ? owner.consumer : undefined;
    this.#cycle += 1;
    for (let offset = 0; offset < all.length; offset += 1) {
      const consumer = all[(this.#cycle + offset) % all.length];
      if (consumer && consumer.free > 0) return consumer;
    }
    return undefined;
  }

  #armAlarm(now: number): void {
    const next = this.#open.due.nextDueMs(this.record.id, now);
    if (next !== undefined) this.#open.alarm.set(this.record.id, next);
  }
}
