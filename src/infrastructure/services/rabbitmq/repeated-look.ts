import type { Clock } from '../../../core/messaging/transport.js';

/** Looks after something again and again, at random moments so that processes do not do it in step. */
export class RepeatedLook {
  #cancel = (): void => undefined;
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

  /** The first look is about so long from now; several starts are one. Without effect after the end. */
  start(): void {
    if (this.#hasEnded) return;
    this.#cancel();
    this.#cancel = this.clock.schedule(this.everyMs * (0.5 + Math.random()), () => {
      void this.look()
        .catch(() => undefined)
        .then(() => this.start());
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#cancel();
  }
}
