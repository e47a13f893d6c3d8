import { DELIVERY_RECORD, type DeliveryRecord } from './delivery-records.js';

/**
 * What one group has taken and not settled: the complement of the settled set, bounded by the concurrency.
 *
 * Attempts are those of the next hand-over: while a message is in flight, one more than the one that runs, because if
 * nothing else is heard of it, that one ended with the process.
 */
export class DeliveryState {
  /** Highest sequence number taken from the log. */
  high = 0;
  /** By sequence number, lowest first. */
  readonly open = new Map<number, number>();
  /** By serial number of the due entry. */
  readonly openDue = new Map<number, number>();
  #mayMiss = false;

  /** Lowest sequence number that is not settled. */
  get floor(): number {
    for (const seq of this.open.keys()) return seq;
    return this.high + 1;
  }

  apply({ kind, number, attempt }: DeliveryRecord): void {
    switch (kind) {
      case DELIVERY_RECORD.high:
        this.high = Math.max(this.high, number);
        return;
      case DELIVERY_RECORD.taken:
      case DELIVERY_RECORD.handed:
        this.#openUntil(number);
        this.high = Math.max(this.high, number);
        this.open.set(number, kind === DELIVERY_RECORD.handed ? attempt + 1 : attempt);
        return;
      case DELIVERY_RECORD.settled:
        this.open.delete(number);
        return;
      case DELIVERY_RECORD.dueTaken:
        this.openDue.set(number, attempt);
        return;
      case DELIVERY_RECORD.dueHanded:
        this.openDue.set(number, attempt + 1);
        return;
      case DELIVERY_RECORD.dueSettled:
        this.openDue.delete(number);
        return;
      case DELIVERY_RECORD.forgotten:
        this.high = 0;
        this.open.clear();
        this.openDue.clear();
        return;
    }
  }

  /**
   * Records are missing from here on. What was taken by them counts as not settled: messages are taken in order, so it is
   * what lies between the numbers that are known.
   *
   * @param floor everything before it is settled.
   */
  noteMissing(floor: number): void {
    this.#mayMiss = true;
    this.high = Math.max(this.high, floor - 1);
  }

  /** Forgets what is above the last message of the log. */
  limit(last: number): void {
    this.high = Math.min(this.high, last);
    for (const number of this.open.keys()) if (number > last) this.open.delete(number);
  }

  /** After missing records: what lies between may have been taken. */
  #openUntil(number: number): void {
    if (!this.#mayMiss) return;
    for (let missing = this.high + 1; missing < number; missing += 1) this.open.set(missing, 1);
  }

  /** The records from which this state can be made again. */
  *records(groupId: number): Generator<DeliveryRecord> {
    yield { kind: DELIVERY_RECORD.high, groupId, number: this.high, attempt: 0 };
    for (const [number, attempt] of this.open)
      yield { kind: DELIVERY_RECORD.taken, groupId, number, attempt };
    for (const [number, attempt] of this.openDue)
      yield { kind: DELIVERY_RECORD.dueTaken, groupId, number, attempt };
  }
}
