import type { Clock } from '../../../core/messaging/transport.js';

const FIRST_MS = 5_000;
const MAX_MS = 600_000;

/** When to do something about each of several things: now, and then after pauses that double up to ten minutes. */
export class EverLessOften {
  /** On the clock that never jumps. */
  readonly #plans = new Map<string, { readonly at: number; readonly everyMs: number }>();

  constructor(private readonly clock: Clock) {}

  isDue(name: string): boolean {
    return (this.#plans.get(name)?.at ?? -Infinity) <= this.clock.monotonic();
  }

  done(name: string): void {
    const { everyMs } = this.#plans.get(name) ?? { everyMs: FIRST_MS };
    this.#plans.set(name, {
      at: this.clock.monotonic() + everyMs,
      everyMs: Math.min(2 * everyMs, MAX_MS),
    });
  }

  /** Begins anew with short pauses. */
  soon(name: string): void {
    this.#plans.set(name, { at: this.clock.monotonic() + FIRST_MS, everyMs: 2 * FIRST_MS });
  }
}
