import { isUnfinished, runToEnd } from '../handlers/run-to-end.js';
import { handlingContext } from '../message/handling-context.js';
import type { DeliveryInProgress } from './delivery-in-progress.js';
import { MessageContext } from '../message/message-context.js';
import { HandlerTimeoutError } from '../ports/errors.js';
import { AbandonedError } from './outcome.js';
import { LinkedSet } from '../transport-kit/linked-set.js';
import type { Clock } from '../ports/transport.js';

/** Interval of the sweep over running handlers. A timeout may fire this much late. */
const SWEEP_INTERVAL_MS = 50;

/** How a run ended. `error` is whatever the handler threw, a `HandlerTimeoutError` or an `AbandonedError`. */
export type Ending = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly error: unknown };

const DONE: Ending = { kind: 'done' };

/**
 * Runs handlers, each under its timeout.
 *
 * One sweep ends the runs that are overdue, because a timer a message costs more than everything else here. Runs with
 * the same timeout end in the order in which they began, so a sweep stops at the first that still has time. For the same
 * reason the end of a run is a callback and not one more promise a message.
 */
export class HandlerRunner {
  readonly #clock: Clock;
  readonly #onEnd: (handling: DeliveryInProgress, ending: Ending) => void;
  readonly #byTimeoutMs = new Map<number, LinkedSet<DeliveryInProgress>>();
  #abandoned: AbandonedError | undefined;
  #cancelSweep: (() => void) | undefined;

  /** @param onEnd is called once for every run, for some before `run` returns. */
  constructor(clock: Clock, onEnd: (handling: DeliveryInProgress, ending: Ending) => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** Runs the handler, unless runs were abandoned. What it does after its time is up is ignored. */
  run(handling: DeliveryInProgress, payload: unknown): void {
    if (this.#abandoned) {
      this.#onEnd(handling, { kind: 'failed', error: this.#abandoned });
      return;
    }
    const { entry, delivery, attempt } = handling;
    const context = new MessageContext(delivery, entry, attempt);
    handling.context = context;
    handling.startedAt = this.#clock.monotonic();
    let result: unknown;
    let isLeft: boolean;
    try {
      result = handlingContext.run(context, entry.invoke, payload, context);
      isLeft = isUnfinished(result);
    } catch (error) {
      this.#onEnd(handling, { kind: 'failed', error });
      return;
    }
    if (!isLeft) this.#onEnd(handling, DONE);
    else this.#await(handling, result instanceof Promise ? result : runToEnd(result, context));
  }

  /**
   * Gives up every running handler: aborts its signal and fails its run. No handler runs from now on: one that begins while
   * the process ends would only use up an attempt. Returns how many were running.
   */
  abandon(): number {
    const reason = (this.#abandoned ??= new AbandonedError());
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

  #await(handling: DeliveryInProgress, result: Promise<unknown>): void {
    const runs = this.#runsWith(handling.entry.timeoutMs);
    runs.add(handling);
    this.#sweepLater();
    const failed = (error: unknown): void => {
      // A run that was given up is no longer in the set, so its late end is ignored.
      if (runs.delete(handling)) this.#onEnd(handling, { kind: 'failed', error });
    };
    const done = (): void => {
      if (runs.delete(handling)) this.#onEnd(handling, DONE);
    };
    result.then((value) => {
      if (isUnfinished(value)) void runToEnd(value, handling.context).then(done, failed);
      else done();
    }, failed);
  }

  #runsWith(timeoutMs: number): LinkedSet<DeliveryInProgress> {
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

  #giveUp(handling: DeliveryInProgress, runs: LinkedSet<DeliveryInProgress>, reason: Error): void {
    runs.delete(handling);
    handling.context?.abort(reason);
    this.#onEnd(handling, { kind: 'failed', error: reason });
  }
}
