import { DeliverySlots } from '../../../../core/messaging/transport-kit/delivery-slots.js';
import type {
  Consumer,
  Destination,
  OnDelivery,
  PublishOutcome,
  Settlement,
  Subscription,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import type { UnackedDelivery } from './ack-batcher.js';
import { ConsumerChannel } from './consumer-channel.js';
import type { TransportServices } from '../watch/transport-services.js';
import type { DecodedMessage } from '../wire/message-codec.js';
import { HeldQueueDrainer } from './held-queue-drainer.js';
import { handOver } from '../../../../core/messaging/transport-kit/hand-over.js';
import {
  type NextAttempt,
  RepublishingRetry,
} from '../../../../core/messaging/transport-kit/republishing-retry.js';
import { ReconnectLoop } from '../../../../core/messaging/transport-kit/reconnect-loop.js';
import { ErrorDeduplicator } from '../../../../core/messaging/transport-kit/error-deduplicator.js';
import { partitionOf } from '../wire/key-buckets.js';
import { failureOf } from '../client/rabbitmq-errors.js';
import { QueueBalancer } from './queue-balancer.js';
import { StallDetector } from '../watch/stall-detector.js';

/** A delivery with the channel that it came on. */
interface Held {
  readonly item: UnackedDelivery;
  readonly channel: ConsumerChannel;
  readonly attempt: number;
}

/** Serves one subscription, through reconnects and whatever happens to its queue. */
export class RabbitmqConsumer implements Consumer {
  readonly #slots: DeliverySlots<Held>;
  readonly #reconnectLoop: ReconnectLoop;
  readonly #heldQueueDrainer: HeldQueueDrainer;
  readonly #retries: RepublishingRetry;
  #queues: readonly string[] = [];
  #channel: ConsumerChannel | undefined;
  #balancer: QueueBalancer | undefined;
  #stallDetector: StallDetector | undefined;
  #isStopping = false;
  #isAbandoned = false;
  #stopped: Promise<void> | undefined;
  readonly #troubles: ErrorDeduplicator;

  constructor(
    readonly subscription: Subscription,
    private readonly services: TransportServices,
    private readonly onDelivery: OnDelivery,
    /** Told of each delivery. */
    private readonly delivered: (message: WireMessage) => void,
  ) {
    const { context } = services;
    this.#troubles = new ErrorDeduplicator((error) => context.onEvent({ type: 'error', error }));
    this.#slots = new DeliverySlots(subscription, (held, done) => this.#deliver(held, done), noop);
    this.#reconnectLoop = new ReconnectLoop(
      () => this.#open(),
      context.clock,
      (error) => this.#report(error),
    );
    this.#retries = new RepublishingRetry(context, subscription, {
      publish: (next) => this.#republish(next),
      failed: (error) => this.#report(error),
      recovered: () => this.#troubles.over(),
    });
    this.#heldQueueDrainer = new HeldQueueDrainer(services, (held, from) => this.#deliverHeld(held, from));
  }

  /** Messages in hand, whether or not their handler has begun. */
  *inFlight(): Iterable<WireMessage> {
    for (const { opened } of this.#channel?.acks ?? []) yield opened.message;
  }

  /** Rejects when the broker cannot be reached now or refuses. */
  start(): Promise<void> {
    return this.#reconnectLoop.start();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Gives up what is still in hand: its settlements are dropped. */
  abandon(): void {
    this.#isStopping = true;
    this.#isAbandoned = true;
    this.#reconnectLoop.end();
    this.#heldQueueDrainer.end();
    this.#endWatching();
    this.#channel?.abandon();
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#reconnectLoop.end();
    this.#heldQueueDrainer.end();
    this.#endWatching();
    const channel = this.#channel;
    await channel?.leaveAll();
    await this.#slots.idle(); // also what came meanwhile: giving it back would count as a crash
    await channel?.close();
  }

  async #open(): Promise<void> {
    const { connection, topology, context } = this.services;
    const { topic, group } = this.subscription;
    this.#queues = await topology.group(this.subscription);
    if (this.#hasEnded()) return;
    let isOpen = false;
    const channel = await ConsumerChannel.open(connection, this.subscription, {
      clock: context.clock,
      delivery: (item, from) => this.#take(item, from),
      lost: () => {
        this.#endWatching();
        topology.forget(); // its queue may be gone
        if (isOpen) this.#reconnectLoop.lost(); // otherwise it is an error of this very call
      },
    });
    this.#channel = channel;
    try {
      await this.#consumeOn(channel);
    } catch (error) {
      topology.forget();
      channel.abandon();
      throw error;
    }
    isOpen = true;
    this.#troubles.over();
    if (this.#hasEnded()) {
      this.#endWatching(); // it began after the stop
      await channel.leaveAll();
    } else this.#heldQueueDrainer.start([{ topic }, { topic, group }]);
  }

  async #consumeOn(channel: ConsumerChannel): Promise<void> {
    const { topic, group, ordering } = this.subscription;
    if (ordering === 'none') for (const queue of this.#queues) await channel.consume(queue);
    else {
      this.#balancer = new QueueBalancer(this.services, channel, this.#queues, { topic, group });
      await this.#balancer.start();
    }
    this.#stallDetector = new StallDetector(this.services, channel, {
      probes: ordering === 'none' && this.services.options.queueType === 'quorum',
    });
    this.#stallDetector.start();
  }

  #endWatching(): void {
    this.#balancer?.end();
    this.#stallDetector?.end();
  }

  /** Something was deleted: what this consumer needs is declared anew, and what was kept meanwhile is fetched. */
  async redeclare(): Promise<void> {
    if (this.#isStopping) return;
    const { topic, group } = this.subscription;
    await this.services.topology.group(this.subscription);
    this.#heldQueueDrainer.start([{ topic }, { topic, group }], 'later');
  }

  /** A call, because it may have changed while something was waited for. */
  #hasEnded(): boolean {
    return this.#isStopping;
  }

  #take(item: UnackedDelivery, channel: ConsumerChannel): void {
    const { opened, raw } = item;
    this.delivered(opened.message);
    const { queueType } = this.services.options;
    const held = { item, channel, attempt: opened.attempt + opened.crashes };
    // Each queue is in order by itself. After a reconnect, what comes again waits until its first run has ended.
    if (queueType === 'quorum' || !raw.fields.redelivered) this.#slots.offer(held, raw.fields.consumerTag);
    else void this.#countCrash(held);
  }

  /** A classic queue does not count: the message goes back with a higher count of its own. */
  async #countCrash(held: Held): Promise<void> {
    if (await this.#handOn(held, { kind: 'retry', delayMs: 0 })) this.#settle(held, noop);
  }

  #deliver(held: Held, done: () => void): void {
    const { item, attempt } = held;
    const settled = (settlement: Settlement): void => {
      if (settlement.kind === 'ack') this.#settle(held, done);
      else
        void this.#handOn(held, settlement).then((isSafe) => {
          if (isSafe) this.#settle(held, done);
          else this.#drop(done);
        });
    };
    const { message } = item.opened;
    handOver(this.onDelivery, { message, attempt, transport: this.services.context.name }, settled);
  }

  #settle({ item, channel }: Held, done: () => void): void {
    const isDone = channel.done(item);
    const end = (isTaken: boolean): void => {
      if (isTaken) done();
      else this.#drop(done);
    };
    // Most are known at once, and waiting for nothing is among the larger costs of a message.
    if (typeof isDone === 'boolean') end(isDone);
    else void isDone.then(end);
  }

  /** The broker has taken the delivery back. */
  #drop(done: () => void): void {
    const { topic, group } = this.subscription;
    this.services.context.onEvent({ type: 'settlement-dropped', topic, group });
    done();
  }

  /** Publishes what comes again. False when the delivery was taken back before: only what is safe may be acknowledged. */
  #handOn({ item, channel, attempt }: Held, retry: Settlement & { kind: 'retry' }): Promise<boolean> {
    const delivered = { message: item.opened.message, attempt };
    return this.#retries.publish(delivered, retry, () => !channel.acks.isGone && !this.#isAbandoned);
  }

  async #republish({ message, attempt, dueAt, delayMs }: NextAttempt): Promise<PublishOutcome | undefined> {
    if (delayMs <= 0) return this.#toGroup(message, attempt);
    const { topic, group } = this.subscription;
    const parcel = { messages: [message], transit: { attempt }, deadline: this.#deadline() };
    const delay = { topic, group, dueAt, delayMs };
    return (await this.services.publisher.postpone({ topic, group }, delay, parcel))[0];
  }

  async #toGroup(message: WireMessage, attempt: number): Promise<PublishOutcome | undefined> {
    const queue = this.#queues[partitionOf(message.key, this.#queues.length)] ?? '';
    const parcel = { messages: [message], transit: { attempt }, deadline: this.#deadline() };
    return (await this.services.publisher.toQueue(queue, parcel))[0];
  }

  /** What was kept for a topic goes to all of its groups: it has not been in any. */
  async #deliverHeld(
    { message, attempt }: DecodedMessage,
    from: Destination,
  ): Promise<PublishOutcome | undefined> {
    if (from.group !== undefined) return this.#toGroup(message, attempt);
    const parcel = { messages: [message], transit: { attempt }, deadline: this.#deadline() };
    return (await this.services.publisher.toGroups(from.topic, parcel))[0];
  }

  #deadline(): number {
    return this.services.context.clock.monotonic() + this.services.options.operationTimeoutMs;
  }

  #report(cause: unknown): void {
    this.#troubles.trouble(failureOf(cause, this.services.connection.label, false).error);
  }
}

function noop(): void {
  // nobody waits for it
}
