/** More different troubles than this at a time are told again. */
const MAX_TOLD = 32;

/** Tells each trouble once until it is over, so that a broker that stays down fills no log, however its errors alternate. */
export class TellOnce {
  readonly #told = new Set<string>();

  constructor(private readonly tell: (error: Error) => void) {}

  trouble(error: Error): void {
    if (this.#told.has(error.message)) return;
    if (this.#told.size >= MAX_TOLD) this.#told.clear();
    this.#told.add(error.message);
    this.tell(error);
  }

  /** What happens from now on is news. */
  over(): void {
    this.#told.clear();
  }
}
