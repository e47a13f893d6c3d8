import type { Clock } from '../../src/core/messaging/ports/transport.js';

const BEGIN = Date.UTC(2026, 0, 1);

/** Time that moves when the test says so. */
export class HandClock implements Clock {
  readonly #due = new Set<{ readonly at: number; readonly run: () => void }>();
  #ms = 0;

  now(): number {
    return BEGIN + this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#ms + delayMs, run: callback };
    this.#due.add(timer);
    return () => this.#due.delete(timer);
  }

  async advance(ms: number): Promise<void> {
    this.#ms += ms;
    for (const timer of [...this.#due].filter(({ at }) => at <= this.#ms)) {
      this.#due.delete(timer);
      timer.run();
    }
    await settle();
  }
}

/** Lets everything that waits for nothing but promises go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}
