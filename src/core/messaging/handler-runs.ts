import { handlingContext } from './handling-context.js';
import type { HandlerEntry } from './handlers/handler-entry.js';
import type { MessageContext } from './message-context.js';
import { HandlerTimeoutError, MessagingError } from './messaging.errors.js';
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

interface Run {
  readonly entry: HandlerEntry;
  readonly context: MessageContext;
  readonly deadline: number;
  readonly fail: (error: Error) => void;
}

/**
 * Runs handlers, each under its timeout.
 *
 * One sweep looks after all of them, because a timer a message costs more than everything else here. Runs with the
 * same timeout end in the order in which they began, so a sweep stops at the first that still has time.
 */
export class HandlerRuns {
  readonly #clock: Clock;
  readonly #byTimeoutMs = new Map<number, Set<Run>>();
  #cancelSweep: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when the handler has finished. Rejects with what it threw, or with `HANDLER_TIMEOUT`, or because it was
   * abandoned; what the handler does after that is ignored.
   */
  run(entry: HandlerEntry, payload: unknown, context: MessageContext): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const result = handlingContext.run(context, entry.invoke, payload, context);
      if (!isThenable(result)) {
        resolve();
        return;
      }
      const run: Run = {
        entry,
        context,
        deadline: entry.timeoutMs > 0 ? this.#clock.monotonic() + entry.timeoutMs : Infinity,
        fail: reject,
      };
      const runs = this.#runsWith(entry.timeoutMs);
      runs.add(run);
      this.#sweepLater();
      result.then(
        () => {
          runs.delete(run);
          resolve();
        },
        (error: unknown) => {
          runs.delete(run);
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- handlers may throw anything
          reject(error);
        },
      );
    });
  }

  /** Gives up every running handler: aborts its signal and rejects its run. Returns how many there were. */
  abandon(): number {
    const reason = new AbandonedError();
    let abandoned = 0;
    for (const runs of this.#byTimeoutMs.values()) {
      for (const run of runs) {
        this.#giveUp(run, runs, reason);
        abandoned++;
      }
    }
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    return abandoned;
  }

  #runsWith(timeoutMs: number): Set<Run> {
    let runs = this.#byTimeoutMs.get(timeoutMs);
    if (!runs) this.#byTimeoutMs.set(timeoutMs, (runs = new Set()));
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
      for (const run of runs) {
        if (run.deadline > now) break;
        this.#giveUp(run, runs, new HandlerTimeoutError(run.entry.handler, timeoutMs));
      }
      left += timeoutMs > 0 ? runs.size : 0;
    }
    if (left > 0) this.#sweepLater();
  }

  #giveUp(run: Run, runs: Set<Run>, reason: Error): void {
    runs.delete(run);
    run.context.abort(reason);
    run.fail(reason);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
