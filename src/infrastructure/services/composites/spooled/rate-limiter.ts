import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';

/** Limits the rate of messages a second. */
export class RateLimiter {
  #freeAt = 0;

  constructor(
    private readonly perSecond: number,
    private readonly clock: Clock,
  ) {}

  /** Largest batch: a tenth of a second's worth. */
  get most(): number {
    return Math.ceil(this.perSecond / 10);
  }

  /** Resolves when the next `count` may go. */
  async next(count: number): Promise<void> {
    const now = this.clock.monotonic();
    const startAt = Math.max(now, this.#freeAt);
    this.#freeAt = startAt + (count * 1_000) / this.perSecond;
    if (startAt > now) await pause(startAt - now, this.clock);
  }
}
