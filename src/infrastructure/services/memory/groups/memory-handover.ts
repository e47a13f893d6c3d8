import { Link } from '../../../../core/messaging/transport-kit/linked-set.js';
import type { WireMessage } from '../../../../core/messaging/ports/transport.js';

/** A message as long as some group has not settled it. */
export interface Held {
  readonly message: WireMessage;
  /** Groups that have not settled it yet. */
  owners: number;
  /** When it was published, on the monotonic clock. */
  readonly since: number;
}

/** A message on its way to one group. */
export class Handover {
  /** Place among what the group has in flight. */
  readonly link = new Link<Handover>();
  /** Others of its key wait until it is settled. */
  holdsKey = false;

  /**
   * @param message with the headers of earlier retries laid over.
   * @param attempt 1 for the first.
   */
  constructor(
    readonly held: Held,
    readonly message: WireMessage,
    readonly attempt: number,
  ) {}
}

/** What a group needs of its topic: the messages that go to every group. */
export interface Log {
  /** Number that the next message will have. */
  readonly end: number;
  /** Messages that go to every group once they are due. */
  readonly delayed: number;
  /** The message with this number, or undefined when it has not been published yet. */
  at(sequence: number): Held | undefined;
  /** Forgets what every group has been handed. */
  trim(): void;
}

/** Takes what a group delivers. */
export interface Receiver {
  /** How many handovers it can take now. */
  readonly free: number;
  /** Whether messages with equal keys must wait for each other, whichever consumer gets them. */
  readonly isKeyed: boolean;
  offer(handover: Handover): void;
}
