import { describeDeadLetter } from './dead-letters/dead-letter.js';
import { appendHistory, readHistory } from './dead-letters/attempt-history.js';
import { errorTypeOf } from './dead-letters/error-description.js';
import type { NewDeadLetter } from './dead-letters/dead-letter-store.js';
import { AbandonedError, HandlerRuns } from './handler-runs.js';
import { Handling, type Load } from './handling.js';
import type { HandlerEntry } from './handlers/handler-entry.js';
import { IdempotencyStep } from './idempotency/idempotency-step.js';
import type { IdempotencyStore } from './idempotency/idempotency-store.js';
import { uuidV7 } from './ids.js';
import { continueAttempts, readPayload, refuseExpired, refuseUsedUp } from './incoming.js';
import { LatencyReader } from './latency.js';
import type { MessageLimits } from './message-limits.js';
import type { MessagingEvent } from './messaging.events.js';
import { judge, type Outcome, UnacceptableMessageError } from './outcome.js';
import { OWN_HEADERS, ownText } from './ports/headers.js';
import { delayAfter } from './retry-policy.js';
import type { Clock, Delivery, Settlement } from './transport.js';

/** Where given-up messages go, and where a replayed one is reported as handled. */
interface Parking {
  /** Resolves once the letter is kept; rejects when it cannot be within a deadline. */
  park(letter: NewDeadLetter): Promise<unknown>;
  resolve(deadLetterId: string): Promise<unknown>;
}

export interface ProcessorOptions {
  readonly parking: Parking;
  readonly idempotency: IdempotencyStore | undefined;
  readonly limits: MessageLimits;
  readonly clock: Clock;
  readonly emit: (event: MessagingEvent) => void;
}

const ACK: Settlement = { kind: 'ack' };
/** Abandoned at shutdown: another process may take it at once, as a further attempt. */
const COME_BACK: Outcome = { kind: 'retry', delayMs: 0, reason: 'timeout' };
/** A delivery whose processing failed in a way that must not happen comes back after this. */
const SURPRISE_DELAY_MS = 5_000;
/** When a claim is held by another copy, look again at the latest after this. */
const MAX_BUSY_DELAY_MS = 30_000;

/**
 * Decides what becomes of every delivery.
 *
 * The order is: expired, attempts used up, decode and validate, idempotency claim, handler under its timeout, judge, store the
 * dead letter or compute the delay, settle. A dead letter is stored before the message is acknowledged; if that fails
 * the message is tried again.
 */
export class DeliveryProcessor {
  readonly #options: ProcessorOptions;
  readonly #runs: HandlerRuns;
  readonly #idempotency: IdempotencyStep | undefined;
  readonly #latency: LatencyReader;

  constructor(options: ProcessorOptions) {
    this.#options = options;
    this.#latency = new LatencyReader(options.clock);
    this.#runs = new HandlerRuns(options.clock, {
      onDone: (handling) => this.#done(handling),
      onFailed: (handling, error) => void this.#fail(handling, error),
    });
    if (options.idempotency) {
      this.#idempotency = new IdempotencyStep(options.idempotency, options.clock, (entry, error) =>
        this.#reportStore('idempotency', entry, error),
      );
    }
  }

  /**
   * Runs the handler at most once. Always answers with a settlement, never rejects.
   *
   * @param load counts what is in hand.
   */
  process(entry: HandlerEntry, delivery: Delivery, load: Load = { active: 0 }): Promise<Settlement> {
    return new Promise((resolve) => {
      const handling = new Handling(entry, delivery, load, resolve);
      this.#options.emit({
        type: 'delivered',
        to: entry,
        transport: delivery.transport,
        attempt: handling.attempt,
      });
      try {
        this.#begin(handling);
      } catch (error) {
        void this.#fail(handling, error);
      }
    });
  }

  /** Stops waiting for running handlers; their messages come back as a further attempt. Returns how many. */
  abandon(): number {
    return this.#runs.abandon();
  }

  #begin(handling: Handling): void {
    const { entry, delivery, attempt } = handling;
    refuseExpired(delivery, this.#options.clock);
    const isClaimed = entry.idempotencyWindowMs > 0;
    if (!isClaimed) refuseUsedUp(attempt, entry);
    const payload = readPayload(entry, delivery, this.#options.limits);
    // Most messages need neither wait, and waiting for nothing is among the larger costs of a message.
    if (isClaimed || payload instanceof Promise) void this.#beginLater(handling, payload);
    else this.#runs.run(handling, payload);
  }

  async #beginLater(handling: Handling, payload: unknown): Promise<void> {
    try {
      const value = await payload;
      const busyOrDone = handling.entry.idempotencyWindowMs > 0 && (await this.#claim(handling));
      if (busyOrDone) {
        handling.settle(busyOrDone);
        return;
      }
      refuseUsedUp(handling.attempt, handling.entry);
      this.#runs.run(handling, value);
    } catch (error) {
      await this.#fail(handling, error);
    }
  }

  #done(handling: Handling): void {
    const { entry, delivery, token } = handling;
    const deadLetterId = replayOf(delivery);
    if (token === undefined && deadLetterId === undefined) {
      this.#handled(handling);
      return;
    }
    const closing = Promise.all([
      token !== undefined && this.#idempotency?.complete(entry, delivery.message, token),
      deadLetterId !== undefined && this.#resolveDeadLetter(entry, deadLetterId),
    ]);
    void closing.then(() => this.#handled(handling));
  }

  #handled(handling: Handling): void {
    const { entry, delivery, attempt, startedAt } = handling;
    const endedAt = this.#options.clock.monotonic();
    this.#options.emit({
      type: 'handled',
      to: entry,
      transport: delivery.transport,
      messageId: delivery.message.id,
      attempt,
      durationMs: endedAt - (startedAt ?? endedAt),
      latencyMs: this.#latency.of(delivery, endedAt),
      replayed: replayOf(delivery) !== undefined,
    });
    handling.settle(ACK);
  }

  async #fail(handling: Handling, error: unknown): Promise<void> {
    let settlement: Settlement;
    try {
      settlement = await this.#failed(handling, tame(error));
    } catch {
      // Every step answers for what it expects; whatever still gets here must not lose the message.
      settlement = { kind: 'retry', delayMs: SURPRISE_DELAY_MS };
    }
    handling.settle(settlement);
  }

  /** The settlement of a message that is not ours to handle now, or undefined once it is claimed. */
  async #claim(handling: Handling): Promise<Settlement | undefined> {
    const { entry, delivery } = handling;
    const claim = await this.#idempotency?.claim(entry, delivery.message);
    switch (claim?.kind) {
      case 'done':
        this.#options.emit({ type: 'duplicate-suppressed', to: entry, messageId: delivery.message.id });
        return ACK;
      case 'busy':
        return { kind: 'retry', delayMs: Math.min(claim.retryAfterMs, MAX_BUSY_DELAY_MS) };
      case 'fresh':
        handling.token = claim.token;
        return undefined;
      case undefined: // no store: the registry has refused to start with a window then
        return undefined;
    }
  }

  async #failed(handling: Handling, error: unknown): Promise<Settlement> {
    const { entry, delivery, attempt, token } = handling;
    const outcome = error instanceof AbandonedError ? COME_BACK : judge(error, attempt, entry.policy);
    if (token !== undefined) {
      if (outcome.kind === 'discard') await this.#idempotency?.complete(entry, delivery.message, token);
      else await this.#idempotency?.release(entry, delivery.message, token);
    }
    const entryOfHistory = { attempt, at: this.#options.clock.now(), errorType: errorTypeOf(error) };
    switch (outcome.kind) {
      case 'retry':
        this.#reportFailure(handling, outcome, error);
        return {
          kind: 'retry',
          delayMs: outcome.delayMs,
          headers: {
            ...appendHistory(delivery.message.headers, entryOfHistory),
            ...continueAttempts(delivery),
          },
        };
      case 'discard':
        this.#reportFailure(handling, outcome, error);
        return ACK;
      case 'dead-letter':
        return this.#park(handling, outcome, error);
    }
  }

  /** Stores first, acknowledges second: a message that cannot be stored goes back to its transport. */
  async #park(handling: Handling, outcome: Outcome, error: unknown): Promise<Settlement> {
    const { entry, delivery, attempt } = handling;
    const now = this.#options.clock.now();
    const earlier = readHistory(delivery.message.headers);
    const history =
      handling.startedAt !== undefined
        ? [...earlier, { attempt, at: now, errorType: errorTypeOf(error) }]
        : earlier;
    // A message refused before its handler ran has not used this attempt.
    const attempts = error instanceof UnacceptableMessageError ? attempt - 1 : attempt;
    try {
      await this.#options.parking.park(
        describeDeadLetter({
          delivery,
          to: entry,
          reason: outcome.reason,
          error,
          attempts,
          history,
          now,
          id: uuidV7(now),
        }),
      );
    } catch (storeError) {
      this.#reportStore('dead-letters', entry, storeError);
      return { kind: 'retry', delayMs: Math.max(1_000, delayAfter(attempt, entry.policy.backoff)) };
    }
    this.#reportFailure(handling, outcome, error);
    return ACK;
  }

  /** The handler has run, so a store that fails now must not make it run again: the letter stays `replayed`. */
  async #resolveDeadLetter(entry: HandlerEntry, id: string): Promise<void> {
    try {
      await this.#options.parking.resolve(id);
    } catch (error) {
      this.#reportStore('dead-letters', entry, error);
    }
  }

  #reportFailure(handling: Handling, outcome: Outcome, error: unknown): void {
    const { entry, delivery, attempt, startedAt } = handling;
    this.#options.emit({
      type: 'failed',
      to: entry,
      transport: delivery.transport,
      messageId: delivery.message.id,
      attempt,
      ...(startedAt !== undefined && { durationMs: this.#options.clock.monotonic() - startedAt }),
      disposition: outcome.kind === 'dead-letter' ? 'dead_letter' : outcome.kind,
      reason: outcome.reason,
      error: toError(error),
      ...(outcome.kind === 'retry' && { delayMs: outcome.delayMs }),
      replayed: replayOf(delivery) !== undefined,
    });
  }

  #reportStore(store: 'dead-letters' | 'idempotency', to: HandlerEntry, error: unknown): void {
    this.#options.emit({ type: 'store-failed', store, to, error: toError(error) });
  }
}

/** Id of the dead letter that the message is a replay of. */
function replayOf({ message }: Delivery): string | undefined {
  return ownText(message.headers, OWN_HEADERS.deadLetterId);
}

/** Handlers may throw anything, even an object on which `instanceof` throws; from here on it can be looked at. */
function tame(thrown: unknown): unknown {
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    return new Error('The handler threw an object that cannot be looked at.');
  }
  return thrown;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error('The handler threw something that is not an Error.');
}
