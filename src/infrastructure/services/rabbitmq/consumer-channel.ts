import type { Clock, Subscription } from '../../../core/messaging/transport.js';
import { AckRuns, InHand } from './ack-runs.js';
import type { Channel, ConsumeMessage } from './amqplib-client.js';
import { open } from './envelope.js';
import type { RabbitmqConnection } from './rabbitmq-connection.js';
import { within } from './within.js';

const CANCEL_TIMEOUT_MS = 3_000;

/** The channel of one consumer, for as long as it lives: queues that it consumes, deliveries that it answers. */
export class ConsumerChannel {
  readonly acks: AckRuns;
  /** Where the order of keys is kept: queues whose message is in hand. */
  readonly #busy = new Set<string>();
  #isLost = false;

  private constructor(
    private readonly channel: Channel,
    private readonly queues: readonly string[],
    private readonly subscription: Subscription,
    clock: Clock,
  ) {
    this.acks = new AckRuns(channel, this.#prefetch, clock);
  }

  /** One a queue keeps its order; there are several queues then. */
  get #prefetch(): number {
    return this.subscription.ordering === 'key' ? 1 : this.subscription.concurrency;
  }

  /**
   * Opens it and begins to consume.
   *
   * @param on.delivery called for each delivery.
   * @param on.lost called once when it has ended by itself, or the broker hands out nothing more on it.
   */
  static async open(
    connection: RabbitmqConnection,
    queues: readonly string[],
    subscription: Subscription,
    on: {
      readonly clock: Clock;
      readonly delivery: (item: InHand, channel: ConsumerChannel) => void;
      readonly lost: (channel: ConsumerChannel) => void;
    },
  ): Promise<ConsumerChannel> {
    const channel = await connection.openChannel();
    const opened = new ConsumerChannel(channel, queues, subscription, on.clock);
    const lose = (): void => {
      opened.acks.end();
      if (opened.#isLost) return;
      opened.#isLost = true;
      on.lost(opened);
    };
    channel.on('close', lose);
    const take = (raw: ConsumeMessage | null): void => {
      // A queue was deleted, or its node is gone: what is in hand is handed out again elsewhere.
      if (raw === null) opened.abandon();
      else opened.#take(raw, on.delivery);
    };
    try {
      await channel.prefetch(opened.#prefetch);
      for (const queue of queues) await channel.consume(queue, take, { consumerTag: queue });
      return opened;
    } catch (error) {
      opened.#isLost = true; // whoever opens it is told by the error
      opened.abandon();
      throw error;
    }
  }

  /** Asks for nothing more. What arrives until the broker has heard of it is still handed over. */
  async cancel(): Promise<void> {
    await Promise.all(
      this.queues.filter((queue) => !this.#busy.has(queue)).map((queue) => this.#cancel(queue)),
    );
  }

  /**
   * Answers that it is settled. False when the channel has ended, and the message comes again.
   *
   * @param isLast hand out nothing more from its queue: only now may another process go on with it.
   */
  async done(item: InHand, isLast: boolean): Promise<boolean> {
    const { consumerTag } = item.raw.fields;
    if (isLast && this.#busy.has(consumerTag)) await this.#cancel(consumerTag);
    this.#busy.delete(consumerTag);
    return this.acks.done(item);
  }

  /** Says goodbye once the acknowledgements have arrived. */
  async close(): Promise<void> {
    this.#isLost = true;
    this.acks.flush();
    try {
      await within(this.channel.close(), CANCEL_TIMEOUT_MS, () => new Error('late'));
    } catch {
      // the connection is gone, and with it the channel
    }
    this.acks.end();
  }

  /** Ends it at once: what is in hand comes again. */
  abandon(): void {
    this.acks.end();
    try {
      this.channel.close().catch(() => undefined);
    } catch {
      // it has ended already
    }
  }

  #take(raw: ConsumeMessage, deliver: (item: InHand, channel: ConsumerChannel) => void): void {
    const item = new InHand(raw, open(raw));
    this.acks.add(item);
    if (this.subscription.ordering === 'key') this.#busy.add(raw.fields.consumerTag);
    deliver(item, this);
  }

  async #cancel(tag: string): Promise<void> {
    try {
      await within(this.channel.cancel(tag), CANCEL_TIMEOUT_MS, () => new Error('late'));
    } catch {
      // it has ended, and hands out nothing either
    }
  }
}
