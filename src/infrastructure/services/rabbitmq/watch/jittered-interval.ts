import { spreadMs } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';

/** Repeats a check with jitter, so that processes do not run it in step. */
export class JitteredInterval {
  #cancel = (): void => undefined;
  #isChecking = false;
  #hasEnded = false;

  /** @param check may reject: it is repeated at the next interval. */
  constructor(
    private readonly clock: Clock,
    private readonly everyMs: number,
    private readonly check: () => Promise<void>,
  ) {}

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The first check runs after about one interval; checks never overlap. A repeated start, or one after the end, is a no-op. */
  start(): void {
    if (this.#hasEnded || this.#isChecking) return;
    this.#cancel();
    this.#cancel = this.clock.schedule(spreadMs(this.everyMs, 0.5), () => {
      this.#isChecking = true;
      void this.check()
        .catch(() => undefined)
        .then(() => {
          this.#isChecking = false;
          this.start();
        });
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#cancel();
  }
}
