/** More different troubles than this at a time are told again. */
const MAX_REPORTED = 32;

/** Tells each trouble once until it is over, so that a broker that stays down fills no log, however its errors alternate. */
export class ErrorDeduplicator {
  readonly #reported = new Set<string>();

  constructor(private readonly tell: (error: Error) => void) {}

  trouble(error: Error): void {
    if (this.#reported.has(error.message)) return;
    if (this.#reported.size >= MAX_REPORTED) this.#reported.clear();
    this.#reported.add(error.message);
    this.tell(error);
  }

  /** What happens from now on is news. */
  over(): void {
    this.#reported.clear();
  }
}
