import { Link } from '../../../core/messaging/transport-kit/linked-set.js';
import type { ConfirmChannel, Options } from './amqplib-client.js';

/** What became of a message that was given to the broker. */
export type Fate =
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

/** A message as the client wants it. */
export interface Sealed {
  readonly content: Buffer;
  readonly properties: Options.Publish;
  /** On the clock that never jumps. */
  readonly deadline: number;
}

/** A message on its way to the broker. */
export class Outbound implements Sealed {
  readonly content: Buffer;
  readonly properties: Options.Publish;
  readonly deadline: number;
  readonly link = new Link<Outbound>();
  channel: ConfirmChannel | undefined;
  writtenAt = 0;
  isReturned = false;
  isTold = false;
  readonly #told: (fate: Fate) => void;

  constructor(
    readonly exchange: string,
    readonly routingKey: string,
    { content, properties, deadline }: Sealed,
    told: (fate: Fate) => void,
  ) {
    this.content = content;
    this.properties = properties;
    this.deadline = deadline;
    this.#told = told;
  }

  /** Once; what is known later is ignored. */
  tell(fate: Fate): void {
    if (this.isTold) return;
    this.isTold = true;
    this.#told(fate);
  }
}
