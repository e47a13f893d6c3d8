import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import { withReplyTimeout, endChannel } from '../connection/channel-calls.js';
import type { TransportServices } from './transport-services.js';
import { PROBE, encode } from '../wire/message-codec.js';
import { ProbeBackoff } from './probe-backoff.js';

/** Several, because another probing process may receive the probe. A healthy broker delivers within milliseconds of the confirm. */
const TRIES = 10;
/** For each try. Counted, so that a paused process does not time out. */
const POLLS = 50;
const POLL_MS = 20;
/** Higher than any foreign consumer would choose. The short probe of deliveries goes before the long one of delay queues. */
export const PRIORITY = { waiting: 1_000, delivery: 2_000 } as const;
let tags = 0;

/** A channel whose deliveries are checked. */
export interface Watched {
  /** Queues with nothing in flight that have delivered nothing since the last call. */
  stillSinceLast(): readonly string[];
  isStill(queue: string): boolean;
  /** Messages of the queue are delivered here first, until the returned function is called. Only where consumers share a queue. */
  prefer(queue: string, priority: number): Promise<() => Promise<void>>;
  /** Ends the channel; its owner opens a new one. */
  abandon(): void;
}

/**
 * Checks with a probe message whether a queue delivers to a channel.
 *
 * A consumer of a quorum queue gets its deliveries from the member on the node that it is connected to. When that member does not run,
 * the consumer's messages are neither ready for others nor delivered (seen with 3.10.8, where the member had been stopped).
 *
 * https://github.com/rabbitmq/rabbitmq-server/pull/2146 introduced local delivery; https://github.com/rabbitmq/rabbitmq-server/issues/15473
 * is about messages that no channel has, on a newer release. It runs with every release.
 */
export class DeliveryProbe {
  readonly #plan: ProbeBackoff;

  constructor(
    private readonly services: Pick<TransportServices, 'connection' | 'context'>,
    private readonly channel: Watched,
  ) {
    this.#plan = new ProbeBackoff(services.context.clock);
  }

  /** Whether a probe is due. */
  isDue(queue: string): boolean {
    return this.#plan.isDue(queue);
  }

  /** False when a probe that the broker has confirmed does not arrive. True when it does, or the result is unknown. */
  async reaches(queue: string): Promise<boolean> {
    this.#plan.done(queue);
    // Enough for a single consumer; and to consume from a queue that accepts nothing would block the channel.
    if (await this.#isHealthy(queue)) return true;
    const end = await this.channel.prefer(queue, PRIORITY.delivery);
    try {
      for (let tries = 0; tries < TRIES; tries += 1) if (await this.#isHealthy(queue)) return true;
      return false;
    } finally {
      await end();
    }
  }

  /** Also true when the result is unknown. */
  async #isHealthy(queue: string): Promise<boolean> {
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

/** Publishes a probe to a queue, on its own channel: the broker blocks a channel that publishes to a queue without a majority. */
export async function isTaken(
  { connection }: Pick<TransportServices, 'connection'>,
  queue: string,
): Promise<boolean> {
  const channel = await connection.openConfirmChannel();
  let isReturned = false; // the queue no longer exists
  channel.on('return', () => (isReturned = true));
  const properties = encode(PROBE, { probe: queue });
  const confirmed = new Promise<boolean>((resolve) => {
    channel.sendToQueue(queue, Buffer.from(PROBE.body), properties, (error: unknown) => resolve(!error));
  });
  try {
    return (await withReplyTimeout(confirmed)) && !isReturned;
  } catch {
    return false;
  } finally {
    endChannel(channel);
  }
}

/** Adds a consumer with a priority to a queue. Resolves with the function that cancels it, which never rejects. */
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

/** A probe is only acknowledged. */
export function acknowledgeProbe(channel: Channel, probe: ConsumeMessage): void {
  try {
    channel.ack(probe);
  } catch {
    // the channel is closing, and the probe is delivered elsewhere
  }
}
