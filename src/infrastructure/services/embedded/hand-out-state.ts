import { HAND_OUT, type HandOutRecord } from './hand-out-records.js';

/**
 * What one group has taken and not settled: the complement of the settled set, bounded by the concurrency.
 *
 * Attempts are those of the next hand-over: while a message is in hand, one more than the one that runs, because if
 * nothing else is heard of it, that one ended with the process.
 */
export class HandOutState {
  /** Highest sequence number taken from the log. */
  high = 0;
  /** By sequence number, lowest first. */
  readonly open = new Map<number, number>();
  /** By serial number of the due entry. */
  readonly openDue = new Map<number, number>();

  /** Lowest sequence number that is not settled. */
  get floor(): number {
    for (const seq of this.open.keys()) return seq;
    return this.high + 1;
  }

  apply({ kind, number, attempt }: HandOutRecord): void {
    switch (kind) {
      case HAND_OUT.high:
        this.high = Math.max(this.high, number);
        return;
      case HAND_OUT.taken:
      case HAND_OUT.handed:
        this.high = Math.max(this.high, number);
        this.open.set(number, kind === HAND_OUT.handed ? attempt + 1 : attempt);
        return;
      case HAND_OUT.settled:
        this.open.delete(number);
        return;
      case HAND_OUT.dueTaken:
        this.openDue.set(number, attempt);
        return;
      case HAND_OUT.dueHanded:
        this.openDue.set(number, attempt + 1);
        return;
      case HAND_OUT.dueSettled:
        this.openDue.delete(number);
        return;
      case HAND_OUT.forgotten:
        this.high = 0;
        this.open.clear();
        this.openDue.clear();
        return;
    }
  }

  /** The records from which this state can be made again. */
  *records(groupId: number): Generator<HandOutRecord> {
    yield { kind: HAND_OUT.high, groupId, number: this.high, attempt: 0 };
    for (const [number, attempt] of this.open) yield { kind: HAND_OUT.taken, groupId, number, attempt };
    for (const [number, attempt] of this.openDue) yield { kind: HAND_OUT.dueTaken, groupId, number, attempt };
  }
}
