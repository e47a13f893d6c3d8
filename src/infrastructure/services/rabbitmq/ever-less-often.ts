import type { Clock } from '../../../core/messaging/transport.js';

const FIRST_MS = 5_000;
const MAX_MS = 600_000;

/** When to do something about each of several things: now, and then after pauses that double up to ten minutes. */
export class EverLessOften {
  /** On the clock that never jumps. */
  readonly #plans = new Map<string, { readonly at: number; readonly everyMs: number }>();

  constructor(private readonly clock: Clock) {}

  /** True once, and then later again. */
  isDue(name: string): boolean {
    const now = this.clock.monotonic();
    const { at, everyMs } = this.#plans.get(name) ?? { at: now, everyMs: FIRST_MS };
    if (at > now) return false;
    this.#plans.set(name, { at: now + everyMs, everyMs: Math.min(2 * everyMs, MAX_MS) });
    return true;
  }

  /** Begins anew with short pauses. */
  soon(name: string): void {
    this.#plans.set(name, { at: this.clock.monotonic() + FIRST_MS, everyMs: 2 * FIRST_MS });
  }
}
