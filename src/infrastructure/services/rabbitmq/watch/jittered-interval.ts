import { spreadMs } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';

/** Looks after something again and again, at random moments so that processes do not do it in step. */
export class JitteredInterval {
  #cancel = (): void => undefined;
  #isLooking = false;
  #hasEnded = false;

  /** @param look may reject: what does not work now is done at the next look. */
  constructor(
    private readonly clock: Clock,
    private readonly everyMs: number,
    private readonly look: () => Promise<void>,
  ) {}

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The first look is about so long from now; several starts are one, and no look begins before the last one is over. Without effect after the end. */
  start(): void {
    if (this.#hasEnded || this.#isLooking) return;
    this.#cancel();
    this.#cancel = this.clock.schedule(spreadMs(this.everyMs, 0.5), () => {
      this.#isLooking = true;
      void this.look()
        .catch(() => undefined)
        .then(() => {
          this.#isLooking = false;
          this.start();
        });
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#cancel();
  }
}
