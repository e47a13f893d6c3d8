import { readHistory } from '../dead-letters/attempt-history.js';
import { describeDeadLetter } from '../dead-letters/dead-letter.js';
import type { NewDeadLetter } from '../ports/dead-letter-store.js';
import { errorTypeOf } from '../dead-letters/error-description.js';
import type { DeliveryInProgress } from './delivery-in-progress.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import { uuidV7 } from '../message/ids.js';
import { type FailureOutcome, UnacceptableMessageError } from './outcome.js';
import type { PostponeReason } from '../observing/events.js';
import { errorCodeOf } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { UnparkedMessages } from './unparked-messages.js';

/** Where given-up messages go, and where a replayed one is reported as handled. */
export interface DeadLetterSink {
  /** Resolves once the dead letter is kept; rejects when it cannot be within a deadline. */
  park(deadLetter: NewDeadLetter): Promise<unknown>;
  resolve(deadLetterId: string): Promise<unknown>;
}

/** Result of a try to park a message. */
export type Parking =
  | { readonly kind: 'parked' }
  /** The store failed or is full: deliver the message again, as the same attempt, after `delayMs`. */
  | { readonly kind: 'unparked'; readonly reason: PostponeReason; readonly delayMs: number };

const PARKED: Parking = { kind: 'parked' };

/** Turns deliveries into dead letters, and reports a store that fails instead of rejecting. */
export class DeadLetterParking {
  readonly #unparked: UnparkedMessages;

  constructor(
    private readonly sink: DeadLetterSink,
    private readonly clock: Clock,
    private readonly onStoreError: (entry: HandlerEntry, error: unknown) => void,
  ) {
    this.#unparked = new UnparkedMessages(clock);
  }

  /** The outcome of this attempt, where it failed before and could not be parked: the handler must not run again. */
  unparked(handling: DeliveryInProgress): FailureOutcome | undefined {
    return this.#unparked.of(handling)?.outcome;
  }

  /** Stores the message as a dead letter. Never rejects. */
  async park(handling: DeliveryInProgress, outcome: FailureOutcome): Promise<Parking> {
    const { entry, delivery, attempt, startedAt } = handling;
    const { reason, error } = outcome;
    const now = this.clock.now();
    const failed =
      startedAt === undefined
        ? this.#unparked.of(handling)?.failed
        : { attempt, at: now, errorType: errorTypeOf(error) };
    const history = [...readHistory(delivery.message.headers), ...(failed ? [failed] : [])];
    // A message refused before its handler ran has not used this attempt.
    const attempts = error instanceof UnacceptableMessageError ? attempt - 1 : attempt;
    try {
      const id = uuidV7(now);
      await this.sink.park(
        describeDeadLetter({ id, delivery, to: entry, reason, error, attempts, history, now }),
      );
      this.#unparked.delete(handling);
      return PARKED;
    } catch (storeError) {
      this.onStoreError(entry, storeError);
      const isFull = errorCodeOf(storeError) === 'STORE_FULL';
      const reason = isFull ? 'dead-letters-full' : 'dead-letters-unavailable';
      return { kind: 'unparked', reason, delayMs: this.#unparked.add(handling, { outcome, failed }) };
    }
  }

  /**
   * Marks the dead letter that this delivery replays, if it replays one, as handled. The handler has run, so a store
   * that fails now must not make it run again: the dead letter stays `replayed`.
   */
  async resolve({ entry, replayOf }: DeliveryInProgress): Promise<void> {
    if (replayOf === undefined) return;
    try {
      await this.sink.resolve(replayOf);
    } catch (error) {
      this.onStoreError(entry, error);
    }
  }
}
