import type { Clock } from '../ports/transport.js';

/**
 * A time of day that no step of the machine's clock moves: that of the moment in which it was made, plus what has passed
 * since. For times that only this process compares, so that a delay is a distance and not a time of day.
 *
 * Time in which the machine is suspended does not count.
 */
export class SteadyClock implements Clock {
  readonly #epochMs: number;

  constructor(private readonly inner: Clock) {
    this.#epochMs = inner.now() - inner.monotonic();
  }

  now(): number {
    return this.#epochMs + this.inner.monotonic();
  }

  monotonic(): number {
    return this.inner.monotonic();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.inner.schedule(delayMs, callback);
  }
}
