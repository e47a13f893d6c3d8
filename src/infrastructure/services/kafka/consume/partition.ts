import { CrashCounts } from './crash-counts.js';
import { OffsetTracker, type Taken } from './offset-tracker.js';
import type { SettledOffsets } from './settled-offsets.js';

/** A partition that has just been taken over is handled with care for so long: its last owner may have died of what comes first. */
const CAREFUL_MS = 10_000;
/** Or for so many messages: about what the last owner can have got after its last note. */
const CAREFUL_MESSAGES = 5_000;

export interface PartitionStart {
  /** Position of the group, with what was stored beside it. */
  readonly committed: { readonly position: number; readonly metadata: string | null };
  /** Of what this process has settled of it when it had it before. */
  readonly memory: SettledOffsets;
  /** On the clock that never jumps. */
  readonly now: number;
}

/** One partition in the hands of this process. */
export class Partition {
  readonly tracker: OffsetTracker;
  readonly #marks: CrashCounts;
  readonly #carefulUntil: number;
  readonly #carefulEnd: number;
  readonly #memory: SettledOffsets;
  /** It was given to another process, or its reader was lost: nothing can be settled any more. */
  isLost = false;
  /** Something is to be committed. */
  isDirty = false;

  constructor(
    readonly topic: string,
    readonly id: number,
    { committed, memory, now }: PartitionStart,
  ) {
    this.#memory = memory;
    this.tracker = new OffsetTracker(committed.position);
    this.#marks = CrashCounts.takeOver(committed.position, committed.metadata);
    this.#carefulUntil = now + CAREFUL_MS;
    this.#carefulEnd = committed.position + CAREFUL_MESSAGES;
  }

  /** What is handed out has to be noted before, because it may end the process. */
  isCareful(now: number): boolean {
    const isEarly = now < this.#carefulUntil && this.tracker.next < this.#carefulEnd;
    return isEarly || this.tracker.position < this.#marks.suspectsEnd;
  }

  /** The last owner of the partition has settled it, or this process when it had it before. */
  isKnownSettled({ offset, id }: Taken): boolean {
    return this.#marks.isSettled(offset) || this.#memory.has(offset, id);
  }

  /** Nothing can be settled any more that the group would know of; what is, is remembered. */
  lose(): void {
    this.isLost = true;
    this.#memory.lose();
  }

  crashesOf(offset: number): number {
    return this.#marks.crashesOf(offset);
  }

  /** Everything before the offset is in hand from now on. */
  handOut(offset: number): void {
    this.#marks.handOut(offset);
    this.isDirty = true;
  }

  settle(taken: Taken): void {
    if (this.tracker.settle(taken)) this.isDirty = true;
    this.#memory.add(taken);
  }

  /** The group knows that everything before is settled. It may not have known when somebody asked who has the partition now. */
  stored(position: number): void {
    if (!this.isLost) this.#memory.stored(position);
  }

  /** @param isOpen false when a death from now on would not be one with these messages in hand. */
  committable(isOpen: boolean): { topic: string; partition: number; offset: string; metadata: string } {
    this.isDirty = false;
    const { position } = this.tracker;
    const metadata = this.#marks.metadata(this.tracker, isOpen);
    return { topic: this.topic, partition: this.id, offset: String(position), metadata };
  }
}
