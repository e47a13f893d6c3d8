import type { Clock, Subscription } from '../../../../core/messaging/ports/transport.js';
import { AckBatcher, UnackedDelivery } from './ack-batcher.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import { acknowledgeProbe, consumeFirst, type Watched } from '../watch/delivery-probe.js';
import { decode, probedIn } from '../wire/message-codec.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import { said } from '../client/rabbitmq-errors.js';
import { withReplyTimeout, endChannel } from '../connection/channel-calls.js';

const CANCEL_TIMEOUT_MS = 3_000;
/** How long a queue is waited for that is to be left behind a message. A probe takes some milliseconds. */
const LEAVE_MS = 1_000;
/** A queue that has more messages delivers the next one within this time. */
const BETWEEN_MS = 50;
/** A consumer is busy that gets as many messages as it may have in flight within this time. */
const BUSY_MS = 500;

/** Callbacks of the consumer that opened the channel. */
export interface ChannelListener {
  readonly clock: Clock;
  /** Besides the default exchange, the only one that foreign programs may not publish to. */
  readonly ownExchange: string;
  /** The broker counts the returns of a message; false for classic queues. */
  readonly countsReturns: boolean;
  readonly delivery: (item: UnackedDelivery, channel: ConsumerChannel) => void;
  /**
   * Called once, when the channel has ended by itself or the broker has cancelled one of its queues.
   *
   * @param reason what the broker has said; undefined when the connection is lost.
   */
  readonly lost: (reason: string | undefined) => void;
}

/** One channel of a consumer: the queues that it consumes and the deliveries that it acknowledges. */
export class ConsumerChannel implements Watched {
  readonly acks: AckBatcher;
  /** Queues that it consumes. */
  readonly #consumed = new Set<string>();
  /** With order by key: queues with a message in flight. */
  readonly #busy = new Set<string>();
  /** With order by key: queues that have delivered something since they are consumed. */
  readonly #served = new Set<string>();
  /** Queues that have delivered something since the last check. */
  readonly #active = new Set<string>();
  /** Queues to be cancelled once their message is settled, with what to call then. */
  readonly #leaving = new Map<string, () => void>();
  /** Whether it is busy, by what it gets. */
  readonly #pace: Pace;
  /** Without order by key: called once the broker may assign nothing more. */
  #whenFull = (): void => undefined;
  #unprefer = nothing;
  #hasEnded = false;

  private constructor(
    private readonly channel: Channel,
    private readonly isKeyed: boolean,
    prefetch: number,
    private readonly listener: ChannelListener,
  ) {
    this.acks = new AckBatcher(channel, prefetch, listener.clock);
    this.#pace = new Pace(prefetch, listener.clock);
  }

  /** Opens it; nothing is consumed yet. */
  static async open(
    connection: RabbitmqConnection,
    { ordering, concurrency }: Subscription,
    listener: ChannelListener,
  ): Promise<ConsumerChannel> {
    const isKeyed = ordering === 'key';
    const prefetch = isKeyed ? 1 : concurrency; // one message of a queue at a time keeps its order; concurrency comes from the number of queues
    const channel = await connection.openChannel();
    const opened = new ConsumerChannel(channel, isKeyed, prefetch, listener);
    let reason: string | undefined;
    channel.on('error', (error: unknown) => (reason = `The broker closed its channel: ${said(error)}.`));
    channel.on('close', () => opened.#lose(reason));
    try {
      await withReplyTimeout(channel.prefetch(prefetch));
    } catch (error) {
      opened.#hasEnded = true; // the caller gets the error
      opened.abandon();
      throw error;
    }
    return opened;
  }

  get consumed(): ReadonlySet<string> {
    return this.#consumed;
  }

  /** Subscribes to a queue. With a single active consumer, this one may have to wait behind another. */
  async consume(queue: string): Promise<void> {
    this.#consumed.add(queue);
    try {
      await withReplyTimeout(
        this.channel.consume(queue, (raw) => this.#arrived(raw, queue), { consumerTag: queue }),
      );
    } catch (error) {
      this.abandon(); // the state of the subscription is unknown
      throw error;
    }
  }

  async prefer(queue: string, priority: number): Promise<() => Promise<void>> {
    const take = (raw: ConsumeMessage | null): void => {
      if (raw) raw.fields.consumerTag = queue;
      this.#arrived(raw, queue);
    };
    try {
      const end = await consumeFirst(this.channel, queue, { priority, take });
      return (this.#unprefer = () => {
        this.#unprefer = nothing;
        return end();
      });
    } catch (error) {
      this.abandon(); // the state of the subscription is unknown
      throw error;
    }
  }

  /** With order by key: the queue has delivered to this consumer, so it is the active one. */
  hasServed(queue: string): boolean {
    return this.#served.has(queue);
  }

  /** Queues with nothing in flight that have delivered nothing since the last call. */
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
   * With order by key: cancels the queue once its next message is settled. {@link keep} revokes that.
   */
  leaveNext(queue: string): void {
    if (!this.#leaving.has(queue)) this.#leaving.set(queue, () => undefined);
  }

  keep(queue: string): void {
    this.#leaving.get(queue)?.();
    this.#leaving.delete(queue);
  }

  isLeaving(queue: string): boolean {
    return this.#leaving.has(queue);
  }

  /**
   * Cancels a queue; with order by key once its message is settled, so that another process continues only then. Messages
   * that arrive before the broker has processed the cancel are still delivered.
   */
  async leave(queue: string): Promise<void> {
    if (this.#busy.has(queue)) this.leaveNext(queue);
    else if (this.#served.has(queue) && this.listener.countsReturns)
      await this.#leaveBehindNext(queue, BETWEEN_MS);
    else await this.#cancel(queue);
  }

  /**
   * With order by key: cancels a queue while it can assign nothing here, because a message or a probe is not yet acknowledged.
   *
   * A quorum queue may assign a message to a consumer that is being cancelled, and never delivers it (seen with 3.10.8). It
   * returns it later, and counts that as a delivery: another process would see an attempt that was never made.
   *
   * @param probe publishes a probe to the queue.
   */
  async leaveBehind(queue: string, probe: () => Promise<unknown>): Promise<void> {
    if (this.#busy.has(queue)) this.leaveNext(queue);
    else {
      probe().catch(nothing);
      await this.#leaveBehindNext(queue, LEAVE_MS);
    }
  }

  async #leaveBehindNext(queue: string, waitMs: number): Promise<void> {
    const left = new Promise<void>((resolve) => this.#leaving.set(queue, resolve));
    await settlesWithin(left, waitMs);
    // Nothing has come: the queue is empty or away, or another consumer is before this one.
    if (this.#leaving.has(queue) && !this.#busy.has(queue)) await this.#cancel(queue);
  }

  async leaveAll(): Promise<void> {
    const queues = [...this.#consumed];
    if (this.isKeyed) await Promise.all([...queues.map((queue) => this.leave(queue)), this.#unprefer()]);
    else if (this.listener.countsReturns && this.#pace.isBusy) await this.#leaveWhenFull(queues);
    else await this.#cancelAll(queues);
  }

  /** While nothing is acknowledged, the queue fills what it may assign. Then a cancel finds nothing on its way: see {@link leaveBehind}. */
  async #leaveWhenFull(queues: readonly string[]): Promise<void> {
    this.acks.hold();
    const full = new Promise<void>((resolve) => (this.#whenFull = resolve));
    if (!this.acks.isFull) await settlesWithin(full, BUSY_MS);
    await this.#cancelAll(queues);
    this.acks.release();
  }

  async #cancelAll(queues: readonly string[]): Promise<void> {
    await Promise.all([...queues.map((queue) => this.#cancel(queue)), this.#unprefer()]);
  }

  /** Acknowledges. False when the channel has ended and the broker delivers the message again. */
  done(item: UnackedDelivery): boolean | Promise<boolean> {
    if (!this.isKeyed) return this.acks.done(item);
    const { consumerTag } = item.raw.fields;
    if (this.#leaving.has(consumerTag)) return this.#cancel(consumerTag).then(() => this.acks.done(item));
    this.#busy.delete(consumerTag);
    return this.acks.done(item);
  }

  /** Sends the remaining acknowledgements and closes the channel. */
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

  /** Ends the channel at once, without waiting for the reply: the broker delivers what is in flight again. */
  abandon(): void {
    this.#abandon(undefined);
  }

  #abandon(reason: string | undefined): void {
    endChannel(this.channel);
    this.#lose(reason);
  }

  #lose(reason: string | undefined): void {
    this.acks.end();
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.listener.lost(reason);
  }

  #arrived(raw: ConsumeMessage | null, queue: string): void {
    // What is in flight is delivered again elsewhere.
    if (raw === null)
      this.#abandon(`The broker cancelled it: the queue "${queue}" was deleted, or its node is gone.`);
    else if (raw.fields.exchange === '' && probedIn(raw) !== undefined) this.#probed(raw);
    else this.#take(raw);
  }

  #probed(raw: ConsumeMessage): void {
    if (this.acks.isGone) return;
    const { consumerTag } = raw.fields;
    this.#active.add(consumerTag);
    const acknowledge = (): void => acknowledgeProbe(this.channel, raw);
    if (this.#leaving.has(consumerTag)) void this.#cancel(consumerTag).then(acknowledge);
    else acknowledge();
  }

  #take(raw: ConsumeMessage): void {
    if (this.acks.isGone) return; // the broker delivers it again
    const { exchange, redelivered } = raw.fields;
    const { ownExchange, countsReturns } = this.listener;
    const isPublic = exchange !== '' && exchange !== ownExchange;
    const item = new UnackedDelivery(
      raw,
      decode(raw, { isPublic, isRedelivered: countsReturns && redelivered }),
    );
    this.acks.add(item);
    this.#active.add(raw.fields.consumerTag);
    this.#pace.taken();
    if (this.acks.isFull) this.#whenFull();
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
      // the channel has ended, and with it the subscription
    }
    this.#consumed.delete(queue);
    this.#served.delete(queue);
    this.#busy.delete(queue);
    this.keep(queue);
  }
}

function nothing(): Promise<void> {
  return Promise.resolve();
}

/** How fast messages come. */
class Pace {
  #count = 0;
  /** When as many had come as may be in flight, the last time. */
  #at = -Infinity;
  /** How long these have taken. */
  #tookMs = Infinity;

  constructor(
    private readonly prefetch: number,
    private readonly clock: Clock,
  ) {}

  get isBusy(): boolean {
    return this.#tookMs < BUSY_MS && this.clock.monotonic() - this.#at < BUSY_MS;
  }

  taken(): void {
    this.#count += 1;
    if (this.#count < this.prefetch) return;
    const now = this.clock.monotonic();
    this.#tookMs = now - this.#at;
    this.#at = now;
    this.#count = 0;
  }
}
