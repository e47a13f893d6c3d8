import { doubledMs } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';

const BACKOFF = { minMs: 5_000, maxMs: 600_000 } as const;

/** When to probe each queue: at once, then with exponential backoff up to ten minutes. */
export class ProbeBackoff {
  /** Times on the monotonic clock. */
  readonly #plans = new Map<string, { readonly at: number; readonly times: number }>();

  constructor(private readonly clock: Clock) {}

  isDue(name: string): boolean {
    return (this.#plans.get(name)?.at ?? -Infinity) <= this.clock.monotonic();
  }

  done(name: string): void {
    this.#plan(name, this.#plans.get(name)?.times ?? 0);
  }

  /** Restarts the backoff. */
  soon(name: string): void {
    this.#plan(name, 0);
  }

  #plan(name: string, times: number): void {
    this.#plans.set(name, { at: this.clock.monotonic() + doubledMs(times, BACKOFF), times: times + 1 });
  }
}
