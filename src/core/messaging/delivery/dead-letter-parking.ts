import { readHistory } from '../dead-letters/attempt-history.js';
import { describeDeadLetter } from '../dead-letters/dead-letter.js';
import type { NewDeadLetter } from '../ports/dead-letter-store.js';
import { errorTypeOf } from '../dead-letters/error-description.js';
import type { DeliveryInProgress } from './delivery-in-progress.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import { uuidV7 } from '../message/ids.js';
import { type FailureOutcome, UnacceptableMessageError } from './outcome.js';
import type { Clock } from '../ports/transport.js';

/** Where given-up messages go, and where a replayed one is reported as handled. */
export interface DeadLetterSink {
  /** Resolves once the dead letter is kept; rejects when it cannot be within a deadline. */
  park(deadLetter: NewDeadLetter): Promise<unknown>;
  resolve(deadLetterId: string): Promise<unknown>;
}

/** Turns deliveries into dead letters, and reports a store that fails instead of rejecting. */
export class DeadLetterParking {
  constructor(
    private readonly sink: DeadLetterSink,
    private readonly clock: Clock,
    private readonly onStoreError: (entry: HandlerEntry, error: unknown) => void,
  ) {}

  /** Stores the message as a dead letter. Resolves to false when it could not be stored. */
  async park(handling: DeliveryInProgress, { reason, error }: FailureOutcome): Promise<boolean> {
    const { entry, delivery, attempt, startedAt } = handling;
    const now = this.clock.now();
    const earlier = readHistory(delivery.message.headers);
    const history =
      startedAt === undefined ? earlier : [...earlier, { attempt, at: now, errorType: errorTypeOf(error) }];
    // A message refused before its handler ran has not used this attempt.
    const attempts = error instanceof UnacceptableMessageError ? attempt - 1 : attempt;
    try {
      const id = uuidV7(now);
      await this.sink.park(
        describeDeadLetter({ id, delivery, to: entry, reason, error, attempts, history, now }),
      );
      return true;
    } catch (storeError) {
      this.onStoreError(entry, storeError);
      return false;
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
