import type { Clock, Subscription } from '../../../../core/messaging/ports/transport.js';
import { AckBatcher, UnackedDelivery } from './ack-batcher.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import { acknowledgeProbe, consumeFirst, type Watched } from '../watch/delivery-probe.js';
import { decode, probedIn } from '../wire/message-codec.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import { withReplyTimeout, endChannel } from '../connection/channel-calls.js';

const CANCEL_TIMEOUT_MS = 3_000;

/** What a channel tells the consumer that opened it. */
export interface ChannelListener {
  readonly clock: Clock;
  readonly delivery: (item: UnackedDelivery, channel: ConsumerChannel) => void;
  /** Once, when it has ended by itself, or the broker hands out nothing more from one of its queues. */
  readonly lost: (channel: ConsumerChannel) => void;
}

/** The channel of one consumer, for as long as it lives: queues that it consumes, deliveries that it answers. */
export class ConsumerChannel implements Watched {
  readonly acks: AckBatcher;
  /** Queues that it consumes. */
  readonly #consumed = new Set<string>();
  /** Where the order of keys is kept: queues whose message is in hand. */
  readonly #busy = new Set<string>();
  /** Where the order of keys is kept: queues of which something has come since they are consumed. */
  readonly #served = new Set<string>();
  /** Queues of which something has come since the last look. */
  readonly #active = new Set<string>();
  /** Queues that end once a message of theirs is settled. */
  readonly #leaving = new Set<string>();
  #unprefer = nothing;
  #hasEnded = false;

  private constructor(
    private readonly channel: Channel,
    private readonly isKeyed: boolean,
    prefetch: number,
    private readonly listener: ChannelListener,
  ) {
    this.acks = new AckBatcher(channel, prefetch, listener.clock);
  }

  /** Opens it; nothing is consumed yet. */
  static async open(
    connection: RabbitmqConnection,
    { ordering, concurrency }: Subscription,
    listener: ChannelListener,
  ): Promise<ConsumerChannel> {
    const isKeyed = ordering === 'key';
    const prefetch = isKeyed ? 1 : concurrency; // one of a queue keeps its order; there are several queues then
    const channel = await connection.openChannel();
    const opened = new ConsumerChannel(channel, isKeyed, prefetch, listener);
    channel.on('close', () => opened.#lose());
    try {
      await withReplyTimeout(channel.prefetch(prefetch));
    } catch (error) {
      opened.#hasEnded = true; // whoever opens it is told by the error
      opened.abandon();
      throw error;
    }
    return opened;
  }

  get consumed(): ReadonlySet<string> {
    return this.#consumed;
  }

  /** Begins with a queue. A queue of one active consumer may keep this one waiting behind another. */
  async consume(queue: string): Promise<void> {
    this.#consumed.add(queue);
    try {
      await withReplyTimeout(
        this.channel.consume(queue, (raw) => this.#arrived(raw), { consumerTag: queue }),
      );
    } catch (error) {
      this.abandon(); // nobody knows whether it is consumed now
      throw error;
    }
  }

  async prefer(queue: string, priority: number): Promise<() => Promise<void>> {
    const take = (raw: ConsumeMessage | null): void => {
      if (raw) raw.fields.consumerTag = queue;
      this.#arrived(raw);
    };
    try {
      const end = await consumeFirst(this.channel, queue, { priority, take });
      return (this.#unprefer = () => {
        this.#unprefer = nothing;
        return end();
      });
    } catch (error) {
      this.abandon(); // nobody knows how it is consumed now
      throw error;
    }
  }

  /** Where the order of keys is kept: the broker has handed out something of the queue to this consumer, and not to another. */
  hasServed(queue: string): boolean {
    return this.#served.has(queue);
  }

  /** Queues of which nothing is in hand, and nothing has come since this was asked last. */
  stillSinceLast(): readonly string[] {
    const still = [...this.#consumed].filter((queue) => this.isStill(queue));
    this.#active.clear();
    return still;
  }

  isStill(queue: string): boolean {
    if (this.acks.isGone || this.#active.has(queue)) return false;
    return this.isKeyed ? !this.#busy.has(queue) : this.acks.size === 0;
  }

  /**
   * Ends with a queue of those that keep the order of keys once its next message is settled. Until then it can be {@link keep | kept}.
   */
  leaveNext(queue: string): void {
    this.#leaving.add(queue);
  }

  keep(queue: string): void {
    this.#leaving.delete(queue);
  }

  isLeaving(queue: string): boolean {
    return this.#leaving.has(queue);
  }

  /**
   * Ends with a queue; where the order of keys is kept, once its message is settled, so that another process goes on with it
   * only then. What arrives until the broker has heard of it is still handed over.
   */
  async leave(queue: string): Promise<void> {
    if (this.#busy.has(queue)) this.leaveNext(queue);
    else await this.#cancel(queue);
  }

  async leaveAll(): Promise<void> {
    await Promise.all([...[...this.#consumed].map((queue) => this.leave(queue)), this.#unprefer()]);
  }

  /** Answers that it is settled. False when the channel has ended, and the message comes again. */
  done(item: UnackedDelivery): boolean | Promise<boolean> {
    if (!this.isKeyed) return this.acks.done(item);
    const { consumerTag } = item.raw.fields;
    if (this.#leaving.has(consumerTag)) return this.#cancel(consumerTag).then(() => this.acks.done(item));
    this.#busy.delete(consumerTag);
    return this.acks.done(item);
  }

  /** Says goodbye once the acknowledgements have arrived. */
  async close(): Promise<void> {
    this.#hasEnded = true;
    this.acks.flush();
    try {
      await settlesWithin(this.channel.close(), CANCEL_TIMEOUT_MS);
    } catch {
      // the connection is gone, and with it the channel
    }
    this.acks.end();
  }

  /** Ends it at once, whatever the broker says to that and when: what is in hand comes again. */
  abandon(): void {
    endChannel(this.channel);
    this.#lose();
  }

  #lose(): void {
    this.acks.end();
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.listener.lost(this);
  }

  #arrived(raw: ConsumeMessage | null): void {
    // It was deleted, or its node is gone: what is in hand is handed out again elsewhere.
    if (raw === null) this.abandon();
    else if (probedIn(raw) !== undefined) this.#probed(raw);
    else this.#take(raw);
  }

  #probed(raw: ConsumeMessage): void {
    if (this.acks.isGone) return;
    this.#active.add(raw.fields.consumerTag);
    acknowledgeProbe(this.channel, raw);
  }

  #take(raw: ConsumeMessage): void {
    if (this.acks.isGone) return; // it comes again
    const item = new UnackedDelivery(raw, decode(raw));
    this.acks.add(item);
    this.#active.add(raw.fields.consumerTag);
    if (this.isKeyed) {
      this.#busy.add(raw.fields.consumerTag);
      this.#served.add(raw.fields.consumerTag);
    }
    this.listener.delivery(item, this);
  }

  async #cancel(queue: string): Promise<void> {
    try {
      await settlesWithin(this.channel.cancel(queue), CANCEL_TIMEOUT_MS);
    } catch {
      // it has ended, and hands out nothing either
    }
    this.#consumed.delete(queue);
    this.#served.delete(queue);
    this.#busy.delete(queue);
    this.#leaving.delete(queue);
  }
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
