import { awaitedClock } from '../../../../core/messaging/ports/clock.js';

/** Long enough not to be noticed, short enough to stay a member of a group meanwhile. */
const LOOK_MS = 250;

/** Suspends readers until a slot is free. */
export class Backpressure {
  #waiting: (() => void)[] = [];

  /** Resolves with true as soon as there may be room, with false when a heartbeat is due. */
  wait(): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = awaitedClock.schedule(LOOK_MS, () => resolve(false));
      this.#waiting.push(() => {
        cancel();
        resolve(true);
      });
    });
  }

  made(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
