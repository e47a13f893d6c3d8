import type { WireMessage } from '../../../../core/messaging/ports/transport.js';

/** Beyond it the oldest are forgotten, and a repetition may double them. */
const MAX_UNCONFIRMED_BATCHES = 10_000;

/**
 * Messages whose batch the server may or may not have executed. Publishing one of them again under its id does not double it.
 */
export class UnconfirmedPublishes {
  /** Numbers of the batches, by target and message id. */
  readonly #batches = new Map<string, number>();

  add(target: string, messages: readonly WireMessage[], batch: number): void {
    for (const { id } of messages) {
      const name = `${target} ${id}`;
      this.#batches.delete(name);
      this.#batches.set(name, batch);
    }
    for (const name of this.#batches.keys()) {
      if (this.#batches.size <= MAX_UNCONFIRMED_BATCHES) break;
      this.#batches.delete(name);
    }
  }

  settled(target: string, messages: readonly WireMessage[]): void {
    if (this.#batches.size === 0) return;
    for (const { id } of messages) this.#batches.delete(`${target} ${id}`);
  }

  /** The unconfirmed ones among the messages, by their position from 1. */
  among(
    target: string,
    messages: readonly WireMessage[],
  ): readonly { readonly index: number; readonly batch: number }[] {
    if (this.#batches.size === 0) return NONE;
    return messages.flatMap(({ id }, index) => {
      const batch = this.#batches.get(`${target} ${id}`);
      return batch === undefined ? [] : [{ index: index + 1, batch }];
    });
  }
}

const NONE: readonly never[] = [];
