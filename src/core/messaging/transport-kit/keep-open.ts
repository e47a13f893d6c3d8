import type { Clock } from '../transport.js';

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;

/** Opens something again whenever it is lost, with pauses that grow while that fails. */
export class KeepOpen {
  #failures = 0;
  #isOpening = false;
  #isEnded = false;
  #cancel = (): void => undefined;

  /** @param open resolves once it is open; calling `lost`, or {@link lost}, says that it no longer is. */
  constructor(
    private readonly open: (lost: () => void) => Promise<void>,
    private readonly clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** For the first time: rejects when it cannot be opened, and does not try again by itself then. */
  async start(): Promise<void> {
    this.#isOpening = true;
    try {
      await this.open(() => this.lost());
    } finally {
      this.#isOpening = false;
    }
  }

  lost(): void {
    if (this.#isEnded) return;
    const ceiling = Math.min(RETRY_MIN_MS * 2 ** Math.min(this.#failures, 10), RETRY_MAX_MS);
    this.#cancel();
    this.#cancel = this.clock.schedule(Math.round(ceiling * (0.5 + Math.random() / 2)), () => this.#try());
  }

  end(): void {
    this.#isEnded = true;
    this.#cancel();
  }

  #try(): void {
    if (this.#isEnded || this.#isOpening) return;
    this.start().then(
      () => (this.#failures = 0),
      (error: unknown) => {
        this.#failures += 1;
        if (this.#isEnded) return;
        this.failed(error);
        this.lost();
      },
    );
  }
}
