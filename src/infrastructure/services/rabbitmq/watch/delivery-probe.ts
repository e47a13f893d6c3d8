import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import { withReplyTimeout, endChannel } from '../connection/channel-calls.js';
import type { TransportServices } from './transport-services.js';
import { PROBE, encode } from '../wire/message-codec.js';
import { ProbeBackoff } from './probe-backoff.js';

/** A healthy broker takes milliseconds from the confirmation of a message to its delivery, but another process that tries may get it. */
const TRIES = 10;
/** For each. Counted, so that a process that stood still is not late. */
const POLLS = 50;
const POLL_MS = 20;
/** Above what anybody else would choose. What takes longer has to stand back for what takes a moment. */
export const PRIORITY = { waiting: 1_000, delivery: 2_000 } as const;
let tags = 0;

/** A channel that consumes. */
export interface Watched {
  /** Queues of which nothing is in hand, and nothing has come since this was asked last. */
  stillSinceLast(): readonly string[];
  isStill(queue: string): boolean;
  /** What is put into the queue comes here before it goes elsewhere, until that is ended. Only where consumers share a queue. */
  prefer(queue: string, priority: number): Promise<() => Promise<void>>;
  /** Ends it; whoever has opened it opens it anew. */
  abandon(): void;
}

/**
 * Finds out whether what is put into a queue comes to a channel at all, by putting something in.
 *
 * The broker lets the node that a consumer is connected to hand out what a quorum queue has for it. Where the queue does not run on that
 * node, the consumer's share is nowhere to be seen: neither ready, so that others would take it, nor delivered (seen with 3.10.8, where
 * the node's member of the queue had been stopped).
 *
 * https://github.com/rabbitmq/rabbitmq-server/pull/2146 brought that way of delivery; https://github.com/rabbitmq/rabbitmq-server/issues/15473
 * is about messages that no channel has, on a newer release. It runs against every release.
 */
export class DeliveryProbe {
  readonly #plan: ProbeBackoff;

  constructor(
    private readonly services: Pick<TransportServices, 'connection' | 'context'>,
    private readonly channel: Watched,
  ) {
    this.#plan = new ProbeBackoff(services.context.clock);
  }

  /** Whether it is time for one. */
  isDue(queue: string): boolean {
    return this.#plan.isDue(queue);
  }

  /** False when something that the broker has taken does not come. True when it does, or nothing is known. */
  async reaches(queue: string): Promise<boolean> {
    this.#plan.done(queue);
    // Whoever consumes alone needs no more than that; and to consume from a queue that takes nothing would block the channel.
    if (await this.#isWell(queue)) return true;
    const end = await this.channel.prefer(queue, PRIORITY.delivery);
    try {
      for (let tries = 0; tries < TRIES; tries += 1) if (await this.#isWell(queue)) return true;
      return false;
    } finally {
      await end();
    }
  }

  /** Or nothing is known. */
  async #isWell(queue: string): Promise<boolean> {
    return !(await isTaken(this.services, queue)) || (await this.#arrives(queue));
  }

  async #arrives(queue: string): Promise<boolean> {
    const { clock } = this.services.context;
    for (let polls = 0; polls < POLLS; polls += 1) {
      if (!this.channel.isStill(queue)) return true;
      await pause(POLL_MS, clock);
    }
    return false;
  }
}

/** Puts a probe into a queue, on a channel of its own: the broker blocks one that publishes to a queue of which most nodes are out of reach. */
export async function isTaken(
  { connection }: Pick<TransportServices, 'connection'>,
  queue: string,
): Promise<boolean> {
  const channel = await connection.openConfirmChannel();
  let isReturned = false; // there is no such queue any more
  channel.on('return', () => (isReturned = true));
  const properties = encode(PROBE, { probe: queue });
  const told = new Promise<boolean>((resolve) => {
    channel.sendToQueue(queue, Buffer.from(PROBE.body), properties, (error: unknown) => resolve(!error));
  });
  try {
    return (await withReplyTimeout(told)) && !isReturned;
  } catch {
    return false;
  } finally {
    endChannel(channel);
  }
}

/** Consumes a queue once more, before all others with a lower priority. Resolves with how to end that, which never rejects. */
export async function consumeFirst(
  channel: Channel,
  queue: string,
  options: { readonly priority: number; readonly take: (message: ConsumeMessage | null) => void },
): Promise<() => Promise<void>> {
  const consumerTag = `~probe.${++tags}`;
  await withReplyTimeout(channel.consume(queue, options.take, { consumerTag, priority: options.priority }));
  return async () => {
    try {
      await withReplyTimeout(channel.cancel(consumerTag));
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
