import type { AnyMessageType, PayloadOf } from '../core/messaging/message/message-type.js';
import type { DeadLetter } from '../core/messaging/ports/dead-letter-store.js';
import type { HandledMessage, PlannedFailure } from './handler-runs.js';
import type { PublishedMessage } from './published-messages.js';

/** A transport that is gone, until it is restored. */
export interface Outage {
  /** Brings the transport back with everything that it holds. */
  restore(): Promise<void>;
}

/** {@link SwitchyardHarness.settled} has waited in vain. */
export class NotSettledError extends Error {
  /** @param left one sentence for each thing that is not settled. */
  constructor(
    waitedMs: number,
    readonly left: readonly string[],
  ) {
    super(
      `Not settled after ${waitedMs} ms:\n${left.map((one) => `  - ${one}`).join('\n')}\nA handler that waits for a timer needs fake timers to be moved by the test; one that waits for time of the harness needs advance().`,
    );
    this.name = 'NotSettledError';
  }
}

/**
 * What a test does with the bus of its application and asks of it. Inject it: `app.get(SwitchyardHarness)`.
 *
 * Time is virtual: retries, delays, timeouts and expiry wait for {@link advance}. Fake timers of a test runner are neither
 * needed nor in the way.
 */
export abstract class SwitchyardHarness {
  /** The time as the application's messages see it, in milliseconds since 1970. */
  abstract now(): number;

  /**
   * Resolves once nothing is left to do now: no message is ready, in flight or being published, and no handler runs.
   * What waits for time, or for a transport that an {@link outage} has taken, is not waited for.
   *
   * @param options.withinMs longest wait, on the clock of the machine. @default 2_000
   * @throws NotSettledError with a list of what is not settled.
   */
  abstract settled(options?: { readonly withinMs?: number }): Promise<void>;

  /**
   * Moves time, and runs what falls due on the way at its own time: retries, delayed messages, timeouts. Before time
   * moves on, handlers that run get up to 250 ms on the clock of the machine to end.
   *
   * @param time milliseconds, or text such as `500ms`, `30s`, `5m`, `2h`, `7d`.
   * @throws RangeError for a time that is not one.
   */
  abstract advance(time: number | string): Promise<void>;

  /** Every message of the type that a transport has accepted from the application, in order. Replays are not among them. */
  abstract published<TType extends AnyMessageType>(type: TType): PublishedMessage<PayloadOf<TType>>[];

  /** Every message of the type that a handler has handled successfully, once for each handler, in order. */
  abstract handled<TType extends AnyMessageType>(type: TType): HandledMessage<PayloadOf<TType>>[];

  /** Dead letters that are not archived or handled, oldest first. @param type those of this type only. */
  abstract deadLetters(type?: AnyMessageType): DeadLetter[];

  /**
   * Makes the next attempts of handlers of the type fail before the handler runs. Retry policy, timeouts and dead letters
   * are those of the handler.
   *
   * @throws Error when no handler would get such a message.
   */
  abstract failNext(type: AnyMessageType, failure?: PlannedFailure): void;

  /**
   * Takes a transport away, as when its broker is down: it accepts nothing, delivers nothing, and keeps what it has.
   *
   * @param transport its name. One that combines others has no broker; take its members.
   */
  abstract outage(transport: string): Outage;

  /** Forgets what was published and handled, and failures that were planned and did not happen. Messages stay. */
  abstract clear(): void;
}
