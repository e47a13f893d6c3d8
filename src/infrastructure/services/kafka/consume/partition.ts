import { CrashCounts } from './crash-counts.js';
import { OffsetTracker, type Taken } from './offset-tracker.js';
import type { SettledOffsets } from './settled-offsets.js';

/** A partition that was just taken over is read carefully for this long, because one of its first messages may have crashed its last owner. */
const CAREFUL_MS = 10_000;
/** Or for this many messages: about what the last owner can have read after its last commit. */
const CAREFUL_MESSAGES = 5_000;

export interface PartitionStart {
  /** Committed position of the group, with what was stored beside it. */
  readonly committed: { readonly position: number; readonly metadata: string | null };
  /** Where reading begins. @default the committed position */
  readonly start?: number;
  /** What this process settled when it had the partition before. */
  readonly memory: SettledOffsets;
  /** On the monotonic clock. */
  readonly now: number;
}

/** One partition that is assigned to this process. */
export class Partition {
  readonly tracker: OffsetTracker;
  readonly #marks: CrashCounts;
  readonly #carefulUntil: number;
  readonly #carefulEnd: number;
  readonly #memory: SettledOffsets;
  /** It was assigned to another process, or its reader was lost: settlements are dropped. */
  isLost = false;
  /** Its records are gone from the broker: no process reads them again. */
  isGone = false;
  /** Not read, because the group's offset is lost, or its progress is of a newer version. */
  isStopped = false;
  /** Offset from which reading was sent back once. */
  rewoundFrom: number | undefined;
  /** Something is to be committed. */
  isDirty = false;

  constructor(
    readonly topic: string,
    readonly id: number,
    { committed, start = committed.position, memory, now }: PartitionStart,
  ) {
    this.#memory = memory;
    this.tracker = new OffsetTracker(start);
    this.#marks = CrashCounts.takeOver(committed.position, committed.metadata);
    this.#carefulUntil = now + CAREFUL_MS;
    this.#carefulEnd = start + CAREFUL_MESSAGES;
  }

  /** Format of the group's progress here, when it is of a newer version, to whose processes the partition is left. */
  get newerProgress(): number | undefined {
    return this.#marks.newerFormat;
  }

  /** Deliveries have to be stored before they run, because one may crash the process. */
  isCareful(now: number): boolean {
    const isEarly = now < this.#carefulUntil && this.tracker.next < this.#carefulEnd;
    return isEarly || this.tracker.position < this.#marks.suspectsEnd;
  }

  /** The last owner of the partition has settled it, or this process when it had it before. */
  isKnownSettled({ offset, id }: Taken): boolean {
    return this.#marks.isSettled(offset) || this.#memory.has(offset, id);
  }

  /** Later settlements cannot be committed; they are remembered in this process. */
  lose(): void {
    this.isLost = true;
    this.#memory.lose();
  }

  /** Offsets before the start that the last owner has not settled. */
  unsettledBetween(from: number, to: number): number {
    return to - from - this.#marks.settledWithin(from, to);
  }

  crashesOf(offset: number): number {
    return this.#marks.crashesOf(offset);
  }

  /** Everything before the offset is in flight from now on. */
  handOut(offset: number): void {
    this.#marks.handOut(offset);
    this.isDirty = true;
  }

  settle(taken: Taken): void {
    if (this.tracker.settle(taken)) this.isDirty = true;
    this.#memory.add(taken);
  }

  /** The group has stored the position. A process that took the partition over before may not have seen it. */
  stored(position: number): void {
    if (!this.isLost) this.#memory.stored(position);
  }

  /** @param isOpen false when a death from now on would not be a crash with these messages in flight. */
  committable(isOpen: boolean): { topic: string; partition: number; offset: string; metadata: string } {
    this.isDirty = false;
    const { position } = this.tracker;
    const metadata = this.#marks.metadata(this.tracker, isOpen);
    return { topic: this.topic, partition: this.id, offset: String(position), metadata };
  }
}
