import { systemClock } from '../../src/core/messaging/clock.js';
import type { Clock } from '../../src/core/messaging/transport.js';

/** The clock of a machine whose time of day somebody sets; what measures durations goes on as before. */
export class JumpingClock implements Clock {
  readonly monotonic = systemClock.monotonic;
  readonly schedule = systemClock.schedule;
  #aheadMs = 0;

  readonly now = (): number => systemClock.now() + this.#aheadMs;

  /** @param aheadMs of the right time; negative is behind it. */
  set(aheadMs: number): void {
    this.#aheadMs = aheadMs;
  }
}
