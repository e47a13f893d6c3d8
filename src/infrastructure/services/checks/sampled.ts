import { systemClock } from '../../../core/messaging/ports/clock.js';
import { withDeadline } from '../../../core/messaging/transport-kit/deadline.js';

/**
 * A queried figure with a short cache: all metrics of one scrape share one answer, and several scrapers cause no
 * further queries. Absent when the answer is late, because an old figure would look current.
 */
export class Sampled<T> {
  readonly #ask: () => Promise<T>;
  readonly #cacheMs: number;
  readonly #deadlineMs: number;
  #value: T | undefined;
  #askedAt = -Infinity;
  #asking: Promise<T | undefined> | undefined;

  constructor(ask: () => Promise<T>, limits: { readonly cacheMs: number; readonly deadlineMs: number }) {
    this.#ask = ask;
    this.#cacheMs = limits.cacheMs;
    this.#deadlineMs = limits.deadlineMs;
  }

  /** Resolves within the deadline and never rejects. */
  read(): Promise<T | undefined> {
    if (systemClock.monotonic() - this.#askedAt < this.#cacheMs) return Promise.resolve(this.#value);
    this.#asking ??= this.#sample().then((value) => {
      this.#value = value;
      this.#askedAt = systemClock.monotonic();
      this.#asking = undefined;
      return value;
    });
    return this.#asking;
  }

  async #sample(): Promise<T | undefined> {
    try {
      const asking = (async () => this.#ask())();
      return await withDeadline(asking, this.#deadlineMs, () => new Error('Too late'), systemClock);
    } catch {
      return undefined;
    }
  }
}
