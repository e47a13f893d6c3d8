import { Link } from '../../../../core/messaging/transport-kit/linked-set.js';
import type { PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import type { ConfirmChannel, Options } from '../client/amqplib-client.js';

export const ACCEPTED: PublishOutcome = { kind: 'accepted' };

/** Result of one publish. */
export type ConfirmResult =
  | 'confirmed'
  /** No queue is bound for it. */
  | 'returned'
  /** A queue refused it; another may have taken it. */
  | 'nacked'
  /** The channel ended after it was written. */
  | 'lost'
  /** Its deadline passed after it was written. */
  | 'overdue'
  /** It was never written: no time, no channel, or the broker has blocked the connection. */
  | 'unsent'
  /** Its headers do not fit into a frame, or are not text. */
  | 'unencodable'
  /** The broker has refused this user the exchange a moment ago. */
  | 'forbidden'
  /** It exceeds the largest size that the broker has reported. */
  | 'oversized';

/** A message on its way to the broker. */
export class OutboundMessage {
  readonly link = new Link<OutboundMessage>();
  exchange = '';
  routingKey = '';
  /** On the monotonic clock. */
  deadline = 0;
  channel: ConfirmChannel | undefined;
  writtenAt = 0;
  isReturned = false;
  #isSettled = false;

  constructor(
    private readonly call: Pick<PendingPublish, 'settled'>,
    private readonly index: number,
    readonly content: Buffer,
    readonly properties: Options.Publish,
  ) {}

  /** The first result counts; later ones are ignored. */
  settle(result: ConfirmResult): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.call.settled(result, this.index);
  }
}

/** One call of `publish`: collects the outcomes of its messages and resolves once all are known. */
export class PendingPublish {
  readonly #outcomes: PublishOutcome[];
  #left: number;

  /** @param failed resolves with the outcome of a message whose result is not `confirmed`. */
  constructor(
    count: number,
    private readonly resolve: (outcomes: readonly PublishOutcome[]) => void,
    private readonly failed: (result: ConfirmResult, index: number) => Promise<PublishOutcome>,
  ) {
    this.#outcomes = new Array<PublishOutcome>(count).fill(ACCEPTED);
    this.#left = count;
    if (count === 0) resolve(this.#outcomes);
  }

  settled(result: ConfirmResult, index: number): void {
    if (result === 'confirmed') this.#settled();
    else
      void this.failed(result, index).then((outcome) => {
        this.#outcomes[index] = outcome;
        this.#settled();
      });
  }

  #settled(): void {
    this.#left -= 1;
    if (this.#left === 0) this.resolve(this.#outcomes);
  }
}
