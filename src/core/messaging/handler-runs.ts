import { handlingContext } from './handling-context.js';
import type { Handling } from './handling.js';
import { MessageContext } from './message-context.js';
import { HandlerTimeoutError, MessagingError } from './messaging.errors.js';
import { LinkedSet } from './transport-kit/linked-set.js';
import type { Clock } from './transport.js';

/** How often running handlers are looked over. A timeout may come this much late: nobody needs it to the millisecond. */
const SWEEP_INTERVAL_MS = 50;

/** The process stopped waiting for the handler. */
export class AbandonedError extends MessagingError {
  constructor() {
    super(
      'NOT_RUNNING',
      'The process is stopping and no longer waits for this handler; the message will be delivered again.',
    );
  }
}

/** Told how a run ended; one of them, once a run. */
export interface RunEnds {
  readonly onDone: (handling: Handling) => void;
  /** `error` is whatever the handler threw, a `HandlerTimeoutError` or an `AbandonedError`. */
  readonly onFailed: (handling: Handling, error: unknown) => void;
}

/**
 * Runs handlers, each under its timeout.
 *
 * One sweep looks after all of them, because a timer a message costs more than everything else here. Runs with the same
 * timeout end in the order in which they began, so a sweep stops at the first that still has time. For the same reason
 * the end of a run is a callback and not one more promise a message.
 */
export class HandlerRuns {
  readonly #clock: Clock;
  readonly #ends: RunEnds;
  readonly #byTimeoutMs = new Map<number, LinkedSet<Handling>>();
  #cancelSweep: (() => void) | undefined;

  constructor(clock: Clock, ends: RunEnds) {
    this.#clock = clock;
    this.#ends = ends;
  }

  /** Runs the handler. What it does after its time is up is ignored. */
  run(handling: Handling, payload: unknown): void {
    const { entry, delivery, attempt } = handling;
    const context = new MessageContext(delivery, entry, attempt);
    handling.context = context;
    handling.startedAt = this.#clock.monotonic();
    let result: unknown;
    try {
      result = handlingContext.run(context, entry.invoke, payload, context);
    } catch (error) {
      this.#ends.onFailed(handling, error);
      return;
    }
    if (isThenable(result)) this.#await(handling, result);
    else this.#ends.onDone(handling);
  }

  /** Gives up every running handler: aborts its signal and fails its run. Returns how many there were. */
  abandon(): number {
    const reason = new AbandonedError();
    let abandoned = 0;
    for (const runs of this.#byTimeoutMs.values()) {
      for (const handling of runs) {
        this.#giveUp(handling, runs, reason);
        abandoned++;
      }
    }
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    return abandoned;
  }

  #await(handling: Handling, result: PromiseLike<unknown>): void {
    const runs = this.#runsWith(handling.entry.timeoutMs);
    runs.add(handling);
    this.#sweepLater();
    // A run that was given up is in the set no more: that is how a late end is recognised.
    result.then(
      () => runs.delete(handling) && this.#ends.onDone(handling),
      (error: unknown) => runs.delete(handling) && this.#ends.onFailed(handling, error),
    );
  }

  #runsWith(timeoutMs: number): LinkedSet<Handling> {
    let runs = this.#byTimeoutMs.get(timeoutMs);
    if (!runs) this.#byTimeoutMs.set(timeoutMs, (runs = new LinkedSet()));
    return runs;
  }

  #sweepLater(): void {
    this.#cancelSweep ??= this.#clock.schedule(SWEEP_INTERVAL_MS, () => {
      this.#cancelSweep = undefined;
      this.#sweep();
    });
  }

  #sweep(): void {
    const now = this.#clock.monotonic();
    let left = 0;
    for (const [timeoutMs, runs] of this.#byTimeoutMs) {
      if (timeoutMs === 0) continue;
      for (const handling of runs) {
        if ((handling.startedAt ?? now) + timeoutMs > now) break;
        this.#giveUp(handling, runs, new HandlerTimeoutError(handling.entry.handler, timeoutMs));
      }
      left += runs.size;
    }
    if (left > 0) this.#sweepLater();
  }

  #giveUp(handling: Handling, runs: LinkedSet<Handling>, reason: Error): void {
    runs.delete(handling);
    handling.context?.abort(reason);
    this.#ends.onFailed(handling, reason);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
