import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { repeatEvery } from '../../../../core/messaging/ports/clock.js';

const RESOLUTION_MS = 20;
const WINDOW_MS = 5_000;

/** Longest time that the event loop was blocked in the last five to ten seconds. */
export class EventLoopWatch {
  #current: IntervalHistogram | undefined;
  #previousMaxMs = 0;
  #endWindows = (): void => undefined;

  start(): void {
    if (this.#current) return;
    this.#current = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#current.enable();
    this.#endWindows = repeatEvery(WINDOW_MS, () => {
      this.#previousMaxMs = this.#currentMaxMs();
      this.#current?.reset();
    });
  }

  stop(): void {
    this.#endWindows();
    this.#current?.disable();
    this.#current = undefined;
    this.#previousMaxMs = 0;
  }

  maxDelayMs(): number {
    return Math.max(this.#previousMaxMs, this.#currentMaxMs());
  }

  #currentMaxMs(): number {
    // An empty histogram has a maximum of 0 or below. Every value includes the sampling interval.
    return Math.max(0, (this.#current?.max ?? 0) / 1e6 - RESOLUTION_MS);
  }
}
