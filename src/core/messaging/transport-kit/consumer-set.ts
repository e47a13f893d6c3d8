import type { Clock, Consumer } from '../ports/transport.js';
import { settlesWithin } from './deadline.js';

/** Closing waits this long for running handlers, and then abandons them. */
const CLOSE_TIMEOUT_MS = 5_000;

/** A consumer that can be abandoned. */
export interface AbandonableConsumer extends Consumer {
  /** Gives up the deliveries that are still in flight: their settlements are dropped. */
  abandon(): void;
}

/** The consumers of one transport, from their start to their stop. */
export class ConsumerSet<C extends AbandonableConsumer> implements Iterable<C> {
  readonly #consumers = new Set<C>();

  [Symbol.iterator](): Iterator<C> {
    return this.#consumers.values();
  }

  /** Rejects as `start` does; the consumer is abandoned then. */
  async serve(consumer: C, start: () => Promise<void>): Promise<Consumer> {
    this.#consumers.add(consumer);
    try {
      await start();
    } catch (error) {
      consumer.abandon();
      this.#consumers.delete(consumer);
      throw error;
    }
    return { stop: () => consumer.stop().finally(() => this.#consumers.delete(consumer)) };
  }

  /** Stops all of them, and abandons those whose handlers do not finish in time. */
  async drain(clock: Clock): Promise<void> {
    const stopped = Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await settlesWithin(stopped, CLOSE_TIMEOUT_MS, clock);
    for (const consumer of this.#consumers) consumer.abandon();
    this.#consumers.clear();
  }
}
