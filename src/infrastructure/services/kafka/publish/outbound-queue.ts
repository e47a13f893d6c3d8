import type { OutboundRecord } from './pending-publish.js';

const MAX_BATCH = 2_000;

/** Messages that wait to be sent, in their order. */
export class OutboundQueue {
  #waiting: OutboundRecord[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  add(outbound: OutboundRecord): void {
    this.#waiting.push(outbound);
  }

  /** The first ones. */
  take(count: number): OutboundRecord[] {
    return this.#waiting.splice(0, count);
  }

  /**
   * The messages that fit into one batch of a partition, whose size the broker limits; one that is too large goes alone. Messages whose
   * call has ended are dropped.
   */
  takeBatch(maxBytes: number): OutboundRecord[] {
    const batch: OutboundRecord[] = [];
    let bytes = 0;
    let taken = 0;
    for (const outbound of this.#waiting) {
      if (batch.length === MAX_BATCH) break;
      if (!outbound.call.isOver) {
        bytes += outbound.record.mostBytes;
        if (batch.length > 0 && bytes > maxBytes) break;
        batch.push(outbound);
      }
      taken += 1;
    }
    this.#waiting = this.#waiting.slice(taken);
    return batch;
  }
}
