import { HEADER } from '../message/headers.js';
import type { Clock, Delivery } from '../ports/transport.js';

/** How long the distance between the two clocks is good for. A wall clock that was set is noticed after this. */
const EPOCH_LIFE_MS = 1_000;

/**
 * Works out how long ago a message was published. Reading a clock and parsing a date cost more than most handlers, so
 * the wall clock is read once a second and a time that was parsed is remembered: messages of one batch share it.
 */
export class LatencyMeter {
  #text = '';
  #publishedAt = NaN;
  #epochMs = 0;
  #epochUntil = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** Milliseconds from publish to `monotonicNow`, or undefined when the message does not say when it was published. */
  of(delivery: Delivery, monotonicNow: number): number | undefined {
    const text = delivery.message.headers[HEADER.time];
    if (text === undefined) return undefined;
    if (text !== this.#text) {
      this.#text = text;
      this.#publishedAt = Date.parse(text);
    }
    if (Number.isNaN(this.#publishedAt)) return undefined;
    if (monotonicNow >= this.#epochUntil) {
      this.#epochMs = this.clock.now() - monotonicNow;
      this.#epochUntil = monotonicNow + EPOCH_LIFE_MS;
    }
    return Math.max(0, monotonicNow + this.#epochMs - this.#publishedAt);
  }
}
