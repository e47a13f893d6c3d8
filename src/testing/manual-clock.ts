import { nextTurn } from '../core/messaging/ports/clock.js';
import type { Clock } from '../core/messaging/ports/transport.js';

const DEFAULT_START = Date.UTC(2026, 0, 1);
/** Turns of the event loop after each timer, in which promises settle. */
const TURNS_TO_SETTLE = 5;
/** Timers run by one `advance`, above which a timer is assumed to restart itself without end. */
const MAX_TIMERS_PER_ADVANCE = 100_000;

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** A clock that only the test moves. Pass it wherever a {@link Clock} is taken. */
export class ManualClock implements Clock {
  readonly isVirtual = true;
  readonly #startMs: number;
  /** In the order in which they were scheduled, which decides between equal times. */
  readonly #timers = new Set<Timer>();
  #elapsedMs = 0;
  #advancing: Promise<void> = Promise.resolve();

  /** @param startMs what `now()` says at first, in milliseconds since 1970. @default 2026-01-01T00:00:00Z */
  constructor(startMs: number = DEFAULT_START) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#elapsedMs + Math.max(delayMs, 0), run: callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that wait for their time. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Moves time forward and runs what falls due on the way, earliest first, each at its own time; timers that those
   * start run as well when they fall due. Before, between and after them promises settle; input and output of the
   * operating system is not waited for. Calls run one after the other.
   *
   * @param afterEach is waited for at first and after each timer, before time moves on.
   * @throws RangeError when `ms` is negative or not finite.
   * @throws Error what a timer throws, or when 100 000 timers ran: one of them starts itself again without end.
   */
  advance(ms: number, afterEach?: () => Promise<void>): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) {
      return Promise.reject(new RangeError(`Time cannot move by ${ms} ms. Pass 0 or more milliseconds.`));
    }
    const advanced = this.#advancing.then(() => this.#advanceTo(this.#elapsedMs + ms, afterEach));
    this.#advancing = advanced.catch(() => undefined);
    return advanced;
  }

  async #advanceTo(targetMs: number, afterEach?: () => Promise<void>): Promise<void> {
    await settle();
    await afterEach?.();
    let ran = 0;
    for (let timer = this.#nextUntil(targetMs); timer; timer = this.#nextUntil(targetMs)) {
      if (++ran > MAX_TIMERS_PER_ADVANCE) {
        throw new Error(
          `${MAX_TIMERS_PER_ADVANCE} timers ran within one advance and another is due at ${timer.dueMs} ms. Look for one that starts itself again without a delay.`,
        );
      }
      this.#timers.delete(timer);
      this.#elapsedMs = timer.dueMs;
      timer.run();
      await settle();
      await afterEach?.();
    }
    this.#elapsedMs = targetMs;
  }

  #nextUntil(targetMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= targetMs && (!next || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS_TO_SETTLE; turn++) await new Promise<void>((resolve) => nextTurn(resolve));
}
