import type { Clock } from '../ports/transport.js';
import { backoffMs } from './backoff.js';

const RETRY_BACKOFF = { minMs: 50, maxMs: 2_000 } as const;

/** Reopens a connection whenever it is lost, with growing pauses while that fails. */
export class ReconnectLoop {
  #failures = 0;
  #isOpening = false;
  #isEnded = false;
  #cancel = (): void => undefined;

  /** @param open resolves once it is open; calling `lost`, or {@link lost}, reports that it no longer is. */
  constructor(
    private readonly open: (lost: () => void) => Promise<void>,
    private readonly clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Opens it for the first time. Rejects when it cannot be opened, and does not retry then. */
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
    this.#cancel();
    this.#cancel = this.clock.schedule(backoffMs(this.#failures, RETRY_BACKOFF), () => this.#try());
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
