import { Link } from '../../../../core/messaging/transport-kit/linked-set.js';
import type { ConfirmChannel, Options } from '../client/amqplib-client.js';

/** What became of a message that was given to the broker. */
export type ConfirmResult =
  | 'confirmed'
  /** No queue wanted it. */
  | 'returned'
  /** A queue refused it; another may have taken it. */
  | 'nacked'
  /** The channel ended after it was written. */
  | 'lost'
  /** Its time was over after it was written. */
  | 'overdue'
  /** It was never written: no time, no channel, or the broker takes nothing now. */
  | 'unsent'
  /** The client cannot encode its headers. */
  | 'unencodable'
  /** The broker has said how large a message may be, and it is larger. */
  | 'oversized';

/** A message on its way to the broker. */
export class OutboundMessage {
  readonly link = new Link<OutboundMessage>();
  exchange = '';
  routingKey = '';
  /** On the clock that never jumps. */
  deadline = 0;
  channel: ConfirmChannel | undefined;
  writtenAt = 0;
  isReturned = false;
  #isSettled = false;

  constructor(
    private readonly call: { settled(fate: ConfirmResult, index: number): void },
    private readonly index: number,
    readonly content: Buffer,
    readonly properties: Options.Publish,
  ) {}

  /** Once; what is known later is ignored. */
  settle(fate: ConfirmResult): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.call.settled(fate, this.index);
  }
}
