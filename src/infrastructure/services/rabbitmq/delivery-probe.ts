import type { Channel, ConsumeMessage } from './amqplib-client.js';
import { answered } from './answered.js';
import type { ConsumerServices } from './consumer-services.js';
import { PROBE } from './envelope.js';
import { EverLessOften } from './ever-less-often.js';

const CONFIRMED_WITHIN_MS = 10_000;
/** A healthy broker takes milliseconds from the confirmation of a message to its delivery. Counted, so that a process that stood still is not late. */
const POLLS = 500;
const POLL_MS = 20;
let tags = 0;
/** Above what anybody else would choose. */
const PRIORITY = 1_000;

/** A channel that consumes. */
export interface Watched {
  /** Queues of which nothing is in hand, and nothing has come since this was asked last. */
  stillSinceLast(): readonly string[];
  isStill(queue: string): boolean;
  /** What is put into the queue comes here before it goes elsewhere, until that is ended. Only where consumers share a queue. */
  prefer(queue: string): Promise<() => Promise<void>>;
  /** Ends it; whoever has opened it opens it anew. */
  abandon(): void;
}

/**
 * Finds out whether what is put into a queue comes to a channel at all, by putting something in.
 *
 * The broker lets the node that a consumer is connected to hand out what a quorum queue has for it. Where the queue does not run on that
 * node, the consumer's share is nowhere to be seen: neither ready, so that others would take it, nor delivered (seen with 3.10.8, where
 * the node's member of the queue had been stopped).
 */
export class DeliveryProbe {
  readonly #plan: EverLessOften;

  constructor(
    private readonly services: Pick<ConsumerServices, 'publisher' | 'context'>,
    private readonly channel: Watched,
  ) {
    this.#plan = new EverLessOften(services.context.clock);
  }

  /** Whether it is time for one. True once, and then later again. */
  isDue(queue: string): boolean {
    return this.#plan.isDue(queue);
  }

  /** False when something that the broker has taken does not come. True when it does, or nothing is known. */
  async reaches(queue: string): Promise<boolean> {
    const { publisher, context } = this.services;
    const end = await this.channel.prefer(queue);
    try {
      const deadline = context.clock.monotonic() + CONFIRMED_WITHIN_MS;
      const [outcome] = await publisher.toQueue(queue, { messages: [PROBE], deadline });
      return outcome?.kind !== 'accepted' || (await this.#arrives(queue));
    } finally {
      await end();
    }
  }

  async #arrives(queue: string): Promise<boolean> {
    const { clock } = this.services.context;
    for (let polls = 0; polls < POLLS; polls += 1) {
      if (!this.channel.isStill(queue)) return true;
      await new Promise<void>((resolve) => clock.schedule(POLL_MS, resolve));
    }
    return false;
  }
}

/** Consumes a queue once more, before all others who do. Resolves with how to end that, which never rejects. */
export async function consumeFirst(
  channel: Channel,
  queue: string,
  take: (message: ConsumeMessage | null) => void,
): Promise<() => Promise<void>> {
  const consumerTag = `~probe.${++tags}`;
  await answered(channel.consume(queue, take, { consumerTag, priority: PRIORITY }));
  return async () => {
    try {
      await answered(channel.cancel(consumerTag));
    } catch {
      // the channel is gone, and with it the consumer
    }
  };
}

/** It has done its duty by coming here. */
export function acknowledgeProbe(channel: Channel, probe: ConsumeMessage): void {
  try {
    channel.ack(probe);
  } catch {
    // the channel is closing, and it comes to somebody else
  }
}
