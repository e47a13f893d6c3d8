import { systemClock } from '../../core/messaging/ports/clock.js';
import type { Clock } from '../../core/messaging/ports/transport.js';

/** The clock of a machine whose time of day a test sets, without an effect on what measures durations. */
export class JumpingClock implements Clock {
  #aheadMs = 0;
  #isRead = false;

  /** @param inner the right time. */
  constructor(private readonly inner: Clock = systemClock) {}

  /** The transport has read it. */
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
