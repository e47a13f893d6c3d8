/** The end of one consumer's intake: deliveries that wait in this process must not hold it up. */
export class Departure {
  #isGone = false;
  readonly #listeners = new Set<() => void>();

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Calls what waits. Idempotent. */
  leave(): void {
    this.#isGone = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  /** Called at the end, at once when it has come already. The returned function takes it back. */
  onLeave(listener: () => void): () => void {
    if (this.#isGone) {
      listener();
      return () => undefined;
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
