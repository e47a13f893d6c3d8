/** Which keys have messages in the spool, so that later ones go behind them. */
export class SpoolLanes {
  readonly #counts = new Map<string, number>();
  /** Messages of an earlier run of the application, whose keys are not known before they are read. */
  #unread = 0;
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** Messages are there of an earlier run. */
  found(count: number): void {
    this.#unread = count;
    this.#total += count;
  }

  clear(): void {
    this.#counts.clear();
    this.#unread = 0;
    this.#total = 0;
  }

  /** Messages of an earlier run are still there. */
  get hasUnread(): boolean {
    return this.#unread > 0;
  }

  holds(lane: string): boolean {
    return this.#unread > 0 || this.#counts.has(lane);
  }

  added(lane: string | undefined): void {
    this.#total += 1;
    if (lane !== undefined) this.#counts.set(lane, (this.#counts.get(lane) ?? 0) + 1);
  }

  /** @param isOfThisRun false for one of an earlier run. */
  removed(lane: string | undefined, isOfThisRun: boolean): void {
    this.#total = Math.max(0, this.#total - 1);
    if (!isOfThisRun) {
      this.#unread = Math.max(0, this.#unread - 1);
      return;
    }
    if (lane === undefined) return;
    const left = (this.#counts.get(lane) ?? 1) - 1;
    if (left > 0) this.#counts.set(lane, left);
    else this.#counts.delete(lane);
  }
}
