import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Clock } from '../../src/core/messaging/ports/transport.js';

/** The clock of a machine whose time of day somebody sets; what measures durations goes on as before. */
export class JumpingClock implements Clock {
  #aheadMs = 0;

  now(): number {
    return systemClock.now() + this.#aheadMs;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return systemClock.schedule(delayMs, callback);
  }

  /** @param aheadMs of the right time; negative is behind it. */
  set(aheadMs: number): void {
    this.#aheadMs = aheadMs;
  }
}
