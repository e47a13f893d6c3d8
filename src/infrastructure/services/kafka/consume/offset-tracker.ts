/** A message that was read from a partition. */
export class Taken {
  isSettled = false;

  constructor(
    readonly offset: number,
    /** Of the message. */
    readonly id: string,
  ) {}
}

/** Entries in front that are dropped at a time, so that each costs next to nothing. */
const COMPACT_AT = 1_024;

/**
 * Knows the offset before which everything of a partition is settled. Offsets come in rising order and may have gaps: of
 * compaction, control records and aborted transactions.
 */
export class OffsetTracker {
  #taken: Taken[] = [];
  #first = 0;
  #unsettled = 0;

  /** @param next where reading begins. */
  constructor(private nextOffset: number) {}

  /** First offset that was not read yet. */
  get next(): number {
    return this.nextOffset;
  }

  /** Everything before it is settled: what may be committed. */
  get position(): number {
    return this.#taken[this.#first]?.offset ?? this.nextOffset;
  }

  /** Read and not settled. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** Offsets between what may be committed and what was read. */
  get span(): number {
    return this.#taken.length - this.#first;
  }

  take(offset: number, id: string): Taken {
    const taken = new Taken(offset, id);
    this.#taken.push(taken);
    this.nextOffset = offset + 1;
    this.#unsettled += 1;
    return taken;
  }

  /** No message exists between the last one that was read and this offset. */
  skipTo(offset: number): void {
    if (offset > this.nextOffset) this.nextOffset = offset;
  }

  /**
   * Offsets behind the position that are settled, as pairs of a distance from the end of the pair before (at first from the
   * position) and a length; at most so many pairs.
   */
  settledAhead(maxPairs: number): number[] {
    const pairs: number[] = [];
    let end = this.position;
    let length = 0;
    let start = end;
    for (let index = this.#first; index < this.#taken.length && pairs.length < 2 * maxPairs; index += 1) {
      const taken = this.#taken[index] as Taken;
      if (!taken.isSettled) continue;
      if (length > 0 && taken.offset === start + length) length += 1;
      else {
        if (length > 0) {
          pairs.push(start - end, length);
          end = start + length;
        }
        start = taken.offset;
        length = 1;
      }
    }
    if (length > 0 && pairs.length < 2 * maxPairs) pairs.push(start - end, length);
    return pairs;
  }

  /** @returns whether more may be committed now. */
  settle(taken: Taken): boolean {
    if (taken.isSettled) return false;
    taken.isSettled = true;
    this.#unsettled -= 1;
    const before = this.#first;
    while (this.#taken[this.#first]?.isSettled) this.#first += 1;
    const hasAdvanced = this.#first > before;
    if (this.#first >= COMPACT_AT) {
      this.#taken = this.#taken.slice(this.#first);
      this.#first = 0;
    }
    return hasAdvanced;
  }
}
