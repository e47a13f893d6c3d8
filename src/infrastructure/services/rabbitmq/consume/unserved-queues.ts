/** A queue that holds no fewer messages after so many looks is served by nobody. */
const PATIENCE_LOOKS = 10;

/** Tells which of the queues that a process leaves to others nobody serves, from what they hold. */
export class UnservedQueues {
  /** By queue: the fewest messages lately, and for how many looks there were no fewer. */
  readonly #waiting = new Map<string, { fewest: number; looks: number }>();
  readonly #taken = new Set<string>();
  #share = 0;

  /** @param share of this process; when that changes, others have come or gone, and what was taken counts like the rest. */
  look(others: readonly { readonly queue: string; readonly messages: number }[], share: number): void {
    if (share !== this.#share) this.#taken.clear();
    this.#share = share;
    const before = new Map(this.#waiting);
    this.#waiting.clear();
    for (const { queue, messages } of others) {
      this.#taken.delete(queue);
      if (messages === 0) continue;
      const { fewest, looks } = before.get(queue) ?? { fewest: Infinity, looks: 0 };
      this.#waiting.set(
        queue,
        messages < fewest ? { fewest: messages, looks: 1 } : { fewest, looks: looks + 1 },
      );
    }
  }

  /** Those that nobody serves. Taken means that they do not count for the share. */
  take(): readonly string[] {
    const neglected = [...this.#waiting].filter(([, { looks }]) => looks > PATIENCE_LOOKS);
    for (const [queue] of neglected) {
      this.#waiting.delete(queue);
      this.#taken.add(queue);
    }
    return neglected.map(([queue]) => queue);
  }

  isTaken(queue: string): boolean {
    return this.#taken.has(queue);
  }
}
