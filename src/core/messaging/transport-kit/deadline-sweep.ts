import { Link, LinkedSet } from './linked-set.js';
import type { Clock } from '../ports/transport.js';

/** Interval of the sweep. A deadline is noticed this much late. */
const SWEEP_MS = 20;

/** What the promises are rejected with. */
export const LATE = new Error('The deadline has passed.');

class Waiting {
  readonly link = new Link<Waiting>();

  constructor(
    readonly deadline: number,
    readonly reject: (error: Error) => void,
  ) {}
}

/** Gives promises deadlines, with one timer for all of them. */
export class DeadlineSweep {
  readonly #waiting = new LinkedSet<Waiting>();
  #isScheduled = false;

  constructor(private readonly clock: Clock) {}

  /** Rejects with {@link LATE} when the promise has not settled by then. What it does later is ignored. */
  within<T>(promise: Promise<T>, deadline: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = new Waiting(deadline, reject);
      this.#waiting.add(waiting);
      this.#schedule();
      promise.then((value) => {
        this.#waiting.delete(waiting);
        resolve(value);
      }, reject); // it stays until its time then, without effect
    });
  }

  /** As {@link within}, but resolves in any case: with what `otherwise` makes of {@link LATE} or of its rejection. */
  settled<T>(promise: Promise<T>, deadline: number, otherwise: (error: unknown) => T): Promise<T> {
    return new Promise((resolve) => {
      const waiting = new Waiting(deadline, (error) => resolve(otherwise(error)));
      this.#waiting.add(waiting);
      this.#schedule();
      promise.then(
        (value) => {
          this.#waiting.delete(waiting);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(waiting);
          resolve(otherwise(error));
        },
      );
    });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.clock.schedule(SWEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    this.#isScheduled = false;
    const now = this.clock.monotonic();
    for (const waiting of this.#waiting) {
      if (waiting.deadline > now) continue;
      this.#waiting.delete(waiting);
      waiting.reject(LATE);
    }
    if (this.#waiting.size > 0) this.#schedule();
  }
}
