/**
 * Returns of messages that were never delivered here.
 *
 * A quorum queue may assign a message to a consumer while that is being cancelled, and never delivers it (seen with 3.10.8). It
 * returns the message when the channel closes, and counts that as a delivery. So the first messages that a queue redelivers
 * after this process has left it in order are forgiven one, as many as the queue may have assigned.
 */
export class ReturnedUnseen {
  readonly #mayHave = new Map<string, number>();

  /** The queue was left in order, with nothing in flight. @param prefetch the most that it may have assigned. */
  left(queue: string, prefetch: number): void {
    this.#mayHave.set(queue, prefetch);
  }

  /** How many of the crashes that a delivery counts were none: 0 or 1. Returned messages come first, so the next ends it. */
  forgives(queue: string, { isRedelivered }: { readonly isRedelivered: boolean }): 0 | 1 {
    const left = this.#mayHave.get(queue);
    if (left === undefined) return 0;
    if (!isRedelivered || left <= 1) this.#mayHave.delete(queue);
    else this.#mayHave.set(queue, left - 1);
    return isRedelivered ? 1 : 0;
  }
}
