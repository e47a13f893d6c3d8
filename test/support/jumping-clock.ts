import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Clock } from '../../src/core/messaging/ports/transport.js';

/** The clock of a machine whose time of day somebody sets; what measures durations goes on as before. */
export class JumpingClock implements Clock {
  #aheadMs = 0;
  #isRead = false;

  /** @param inner what it goes by. */
  constructor(private readonly inner: Clock = systemClock) {}

  /** Somebody goes by it. */
  get isRead(): boolean {
    return this.#isRead;
  }

  now(): number {
    this.#isRead = true;
    return this.inner.now() + this.#aheadMs;
  }

  monotonic(): number {
    this.#isRead = true;
    return this.inner.monotonic();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.inner.schedule(delayMs, callback);
  }

  /** @param aheadMs of the right time; negative is behind it. */
  set(aheadMs: number): void {
    this.#aheadMs = aheadMs;
  }
}
