/** Beyond this many different errors at a time, they are reported again. */
const MAX_REPORTED = 32;

/** Reports each error once until the trouble is over, so that a broker that stays down fills no log, however its errors alternate. */
export class ErrorDeduplicator {
  readonly #reported = new Set<string>();

  constructor(private readonly report: (error: Error) => void) {}

  trouble(error: Error): void {
    if (this.#reported.has(error.message)) return;
    if (this.#reported.size >= MAX_REPORTED) this.#reported.clear();
    this.#reported.add(error.message);
    this.report(error);
  }

  /** The trouble is over: the next error is reported again. */
  over(): void {
    this.#reported.clear();
  }
}
