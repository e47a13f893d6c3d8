import type { Load } from './delivery-in-progress.js';

/** Ceiling over the consumers of one handler, which has one consumer a transport. */
export class SharedSlots implements Load {
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #active = 0;
  #ends = 0;
  #endsSeen = 0;
  #fullSince: number | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Lowering it ends nothing that runs. */
  set limit(limit: number) {
    this.#limit = limit;
    for (let free = limit - this.#active; free > 0; free -= 1) this.#waiting.shift()?.();
  }

  get active(): number {
    return this.#active;
  }

  set active(active: number) {
    const hasFreed = active < this.#active;
    this.#active = active;
    if (!hasFreed) return;
    this.#ends += 1;
    this.#waiting.shift()?.();
  }

  /**
   * For how long every slot has been in use without one delivery ending, in milliseconds. Called at intervals: it
   * compares with the call before, because a clock reading for each delivery would cost more than all the counting.
   *
   * @param now on the monotonic clock.
   */
  stuckMs(now: number): number {
    const isMoving = !this.isFull || this.#ends !== this.#endsSeen;
    this.#endsSeen = this.#ends;
    if (isMoving || this.#fullSince === undefined) this.#fullSince = now;
    return now - this.#fullSince;
  }

  get isFull(): boolean {
    return this.#active >= this.#limit;
  }

  /** Resolves when a slot may be free. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
