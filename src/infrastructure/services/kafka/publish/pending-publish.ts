import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import type { OutRecord } from '../wire/kafka-record.js';

export const ACCEPTED: PublishOutcome = { kind: 'accepted' };

/** A message on its way to the broker. */
export interface OutboundRecord {
  readonly call: PendingPublish;
  readonly index: number;
  readonly record: OutRecord;
}

/** One call of `publish`: collects the outcomes of its messages until all are known. */
export class PendingPublish {
  readonly #outcomes: (PublishOutcome | undefined)[];
  readonly #sent = new Set<number>();
  #left: number;

  /** @param deadline on the monotonic clock. */
  constructor(
    count: number,
    readonly deadline: number,
    private readonly resolve: (outcomes: readonly PublishOutcome[]) => void,
  ) {
    this.#outcomes = new Array<PublishOutcome | undefined>(count).fill(undefined);
    this.#left = count;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  sent(index: number): void {
    this.#sent.add(index);
  }

  /** The first outcome of a message counts; later ones are ignored. */
  settle(index: number, outcome: PublishOutcome): void {
    if (this.isOver || this.#outcomes[index]) return;
    this.#outcomes[index] = outcome;
    this.#left -= 1;
    if (this.#left === 0) this.resolve(this.#outcomes as PublishOutcome[]);
  }

  /** The deadline has passed, or the transport closes. */
  end(label: string): void {
    const error = new MessagingError('DEADLINE_EXCEEDED', `${label} did not confirm in time.`);
    for (let index = 0; index < this.#outcomes.length; index += 1)
      this.settle(index, { kind: this.#sent.has(index) ? 'unknown' : 'unavailable', error });
  }
}
