import type { Clock } from '../../../../core/messaging/ports/transport.js';

/** Smaller jumps are ordinary clock corrections, not a clock that was set. */
const TOLERANCE_MS = 1_000;

/**
 * A time of day that never goes back while the process lives, because delayed messages would wait longer by as much. When the machine's
 * clock is set back, this one continues unchanged until the machine's has caught up or the process ends.
 */
export class ForwardClock implements Clock {
  #behindMs = 0;
  #wall: number;
  #monotonic: number;

  constructor(private readonly inner: Clock) {
    this.#wall = inner.now();
    this.#monotonic = inner.monotonic();
  }

  now(): number {
    const wall = this.inner.now();
    const monotonic = this.inner.monotonic();
    const jumpMs = wall - this.#wall - (monotonic - this.#monotonic);
    this.#wall = wall;
    this.#monotonic = monotonic;
    if (Math.abs(jumpMs) > TOLERANCE_MS) this.#behindMs = Math.max(0, this.#behindMs - jumpMs);
    return wall + this.#behindMs;
  }

  monotonic(): number {
    return this.inner.monotonic();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.inner.schedule(delayMs, callback);
  }
}
