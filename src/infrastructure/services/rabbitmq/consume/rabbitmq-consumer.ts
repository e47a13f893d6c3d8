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

/** A delivery in flight with its channel. */
interface InFlight {
  readonly item: UnackedDelivery;
  readonly channel: ConsumerChannel;
  readonly attempt: number;
}

/** Serves one subscription, across reconnects and changes of its queues. */
export class RabbitmqConsumer implements Consumer {
  readonly #slots: DeliverySlots<InFlight>;
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
  readonly #errors: ErrorDeduplicator;

  constructor(
    readonly subscription: Subscription,
    private readonly services: TransportServices,
    private readonly onDelivery: OnDelivery,
    /** Called for each delivery. */
    private readonly delivered: (message: WireMessage) => void,
  ) {
    const { context } = services;
    this.#errors = new ErrorDeduplicator((error) => context.onEvent({ type: 'error', error }));
    this.#slots = new DeliverySlots(subscription, (inFlight, done) => this.#deliver(inFlight, done), noop);
    this.#reconnectLoop = new ReconnectLoop(
      () => this.#open(),
      context.clock,
      (error) => this.#report(error),
    );
    this.#retries = new RepublishingRetry(context, subscription, {
      publish: (next) => this.#republish(next),
      failed: (error) => this.#report(error),
      recovered: () => this.#errors.over(),
    });
    this.#heldQueueDrainer = new HeldQueueDrainer(services, (message, from) =>
      this.#deliverHeld(message, from),
    );
  }

  /** Messages in flight, whether or not their handler has begun. */
  *inFlight(): Iterable<WireMessage> {
    for (const { decoded } of this.#channel?.acks ?? []) yield decoded.message;
  }

  /** Rejects when the broker cannot be reached now or refuses. */
  start(): Promise<void> {
    return this.#reconnectLoop.start();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Abandons what is in flight: its settlements are dropped. */
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
    await this.#slots.idle(); // also deliveries that arrived meanwhile: returning them would count as a crash
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
        topology.forget(); // the queue may be deleted
        if (isOpen) this.#reconnectLoop.lost(); // otherwise this call rejects
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
    this.#errors.over();
    if (this.#hasEnded()) {
      this.#endWatching(); // the stop came while it opened
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

  /** After a deletion: declares the queues and bindings of this consumer again and fetches held messages. */
  async redeclare(): Promise<void> {
    if (this.#isStopping) return;
    const { topic, group } = this.subscription;
    await this.services.topology.group(this.subscription);
    this.#heldQueueDrainer.start([{ topic }, { topic, group }], 'later');
  }

  /** A method, so that TypeScript does not narrow the flag across an await. */
  #hasEnded(): boolean {
    return this.#isStopping;
  }

  #take(item: UnackedDelivery, channel: ConsumerChannel): void {
    const { decoded, raw } = item;
    this.delivered(decoded.message);
    const { queueType } = this.services.options;
    const inFlight = { item, channel, attempt: decoded.attempt + decoded.crashes };
    // Order is kept within each queue. After a reconnect, a redelivery waits until the first run of its message has ended.
    if (queueType === 'quorum' || !raw.fields.redelivered)
      this.#slots.offer(inFlight, raw.fields.consumerTag);
    else void this.#countCrash(inFlight);
  }

  /** A classic queue does not count redeliveries: the message is published again with the next attempt. */
  async #countCrash(inFlight: InFlight): Promise<void> {
    if (await this.#republishRetry(inFlight, { kind: 'retry', delayMs: 0 })) this.#settle(inFlight, noop);
  }

  #deliver(inFlight: InFlight, done: () => void): void {
    const { item, attempt } = inFlight;
    const settled = (settlement: Settlement): void => {
      if (settlement.kind === 'ack') this.#settle(inFlight, done);
      else
        void this.#republishRetry(inFlight, settlement).then((isSafe) => {
          if (isSafe) this.#settle(inFlight, done);
          else this.#drop(done);
        });
    };
    const { message } = item.decoded;
    handOver(this.onDelivery, { message, attempt, transport: this.services.context.name }, settled);
  }

  #settle({ item, channel }: InFlight, done: () => void): void {
    const isDone = channel.done(item);
    const end = (isTaken: boolean): void => {
      if (isTaken) done();
      else this.#drop(done);
    };
    // Mostly synchronous, because an await is among the larger costs of a message.
    if (typeof isDone === 'boolean') end(isDone);
    else void isDone.then(end);
  }

  /** The delivery is no longer ours: its channel has ended. */
  #drop(done: () => void): void {
    const { topic, group } = this.subscription;
    this.services.context.onEvent({ type: 'settlement-dropped', topic, group });
    done();
  }

  /** Publishes the next attempt. False when the channel ended first: only a delivery whose retry is confirmed may be acknowledged. */
  #republishRetry(
    { item, channel, attempt }: InFlight,
    retry: Settlement & { kind: 'retry' },
  ): Promise<boolean> {
    const delivered = { message: item.decoded.message, attempt };
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

  /** Messages held for a topic go to all of its groups, because none has received them. */
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
    this.#errors.trouble(failureOf(cause, this.services.connection.label, false).error);
  }
}

function noop(): void {
  // nothing waits for this settlement
}
