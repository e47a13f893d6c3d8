/** One file because opening, settling, retrying and handing over share the channel of the consumer. */
import { DeliverySlots } from '../../../../core/messaging/transport-kit/delivery-slots.js';
import type { DeadLetterReason } from '../../../../core/messaging/ports/dead-letter-store.js';
import {
  CONSUMER_INTERRUPTED,
  type Consumer,
  type Destination,
  type OnDelivery,
  type PublishOutcome,
  type Settlement,
  type Subscription,
  type Unacceptable,
  type WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import type { UnackedDelivery } from './ack-batcher.js';
import { ConsumerChannel } from './consumer-channel.js';
import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { handedOverFormats } from '../watch/newer-messages.js';
import type { TransportServices } from '../watch/transport-services.js';
import { type DecodedMessage, MALFORMED, type Transit } from '../wire/message-codec.js';
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
import { BindingWatch } from '../watch/binding-watch.js';
import { Interruption } from '../watch/interruption.js';
import { malformedDetail } from '../watch/malformed.js';
import { StallDetector } from '../watch/stall-detector.js';

/** Longest wait of a stop for what was handed over to processes of a newer version. */
const HANDED_OVER_MS = 10_000;
const LOOK_MS = 100;

/** A delivery in flight with its channel. */
interface InFlight {
  readonly item: UnackedDelivery;
  readonly channel: ConsumerChannel;
  readonly attempt: number;
}

/** Reasons of dead letters, by what the broker notes on a message that it removes from a queue. */
const REMOVED: Readonly<Record<string, readonly [reason: DeadLetterReason, why: string]>> = {
  expired: [
    'expired',
    'because its time to live had passed (a policy on the queue, or an expiration that its sender set)',
  ],
  maxlen: ['queue_overflow', 'because the queue was at its length limit (a policy with overflow drop-head)'],
  delivery_limit: [
    'max_deliveries',
    'at its delivery limit: processes have died with the message, or have been disconnected',
  ],
  rejected: ['rejected', 'because a consumer or the broker rejected it'],
};

/** Serves one subscription, across reconnects and changes of its queues. */
export class RabbitmqConsumer implements Consumer {
  readonly #slots: DeliverySlots<InFlight>;
  readonly #reconnectLoop: ReconnectLoop;
  readonly #heldQueueDrainer: HeldQueueDrainer;
  readonly #bindingWatch: BindingWatch;
  readonly #interruption: Interruption;
  readonly #retries: RepublishingRetry;
  readonly #formats: NewerFormats;
  /** Queues of messages that processes of earlier versions hand over to this one. */
  readonly #handedOver: readonly string[];
  /** Messages that wait here until a process of a newer version has handled them. */
  #leaving = 0;
  /** Queues that these are in meanwhile. */
  readonly #leftIn = new Set<string>();
  #hasGivenUp = false;
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
    const { topic, group } = subscription;
    this.#interruption = new Interruption(services.problems, context.clock, {
      code: CONSUMER_INTERRUPTED,
      topic,
      group,
      detail: `The consumer of "${topic}" for the group "${group}" is interrupted`,
    });
    this.#reconnectLoop = new ReconnectLoop(
      () => this.#open(),
      context.clock,
      (error) => this.#interruption.failed(this.#explained(error)),
    );
    this.#retries = this.#retriesOf(undefined);
    this.#formats = new NewerFormats({
      of: { topic, group },
      label: services.connection.label,
      problems: services.problems,
      clock: context.clock,
    });
    const { names } = services.topology;
    this.#handedOver = handedOverFormats().map((format) => names.newer({ topic, group }, format));
    this.#heldQueueDrainer = new HeldQueueDrainer(services, this.#formats, (message, from) =>
      this.#deliverHeld(message, from),
    );
    this.#bindingWatch = new BindingWatch(services, subscription, () =>
      this.#heldQueueDrainer.check([{ topic }, { topic, group }]),
    );
  }

  /** @param removed why the broker removed the messages, which travels with their retries. */
  #retriesOf(removed: string | undefined): RepublishingRetry {
    return new RepublishingRetry(this.services.context, this.subscription, {
      publish: (next) => this.#republish(next, removed),
      failed: (error) => this.#report(error),
      recovered: () => this.#errors.over(),
    });
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
    this.#interruption.end();
    this.#reconnectLoop.end();
    this.#heldQueueDrainer.end();
    this.#bindingWatch.end();
    this.#endWatching();
    this.#formats.ended();
    this.#channel?.abandon();
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#interruption.end();
    this.#reconnectLoop.end();
    this.#heldQueueDrainer.end();
    this.#bindingWatch.end();
    this.#endWatching();
    this.#formats.ended();
    const channel = this.#channel;
    const queues = [...(channel?.consumed ?? [])];
    await channel?.leaveAll();
    await this.#slots.idle(); // also deliveries that arrived meanwhile: returning them would count as a crash
    await this.#handedOverIsHandled();
    this.#hasGivenUp = true;
    const { ordering, concurrency } = this.subscription;
    for (const queue of queues)
      this.services.returnedUnseen.left(queue, ordering === 'key' ? 1 : concurrency);
    await channel?.close();
  }

  /** Waits while processes of a newer version are there to handle what was handed over to them: returned, it would count as a crash. */
  async #handedOverIsHandled(): Promise<void> {
    const { context, queueDepths } = this.services;
    for (const until = context.clock.monotonic() + HANDED_OVER_MS; this.#leaving > 0;) {
      const states = await queueDepths.of([...this.#leftIn]).catch(() => []);
      const isRead = states.some((state) => (state?.consumers ?? 0) > 0);
      if (!isRead || context.clock.monotonic() > until) return;
      await pause(LOOK_MS, context.clock);
    }
  }

  async #open(): Promise<void> {
    const { connection, topology, context } = this.services;
    const { topic, group } = this.subscription;
    this.#queues = await topology.group(this.subscription);
    if (this.#hasEnded()) return;
    let isOpen = false;
    const channel = await ConsumerChannel.open(connection, this.subscription, {
      clock: context.clock,
      ownExchange: topology.names.exchange({ topic, group }),
      countsReturns: this.services.options.queueType === 'quorum',
      delivery: (item, from) => this.#take(item, from),
      lost: (reason) => {
        this.#endWatching();
        topology.forget(); // the queue may be deleted
        if (!isOpen) return; // this call rejects
        if (!this.#isStopping) this.#interruption.lost(reason);
        this.#reconnectLoop.lost();
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
    this.#interruption.over();
    if (this.#hasEnded()) {
      this.#endWatching(); // the stop came while it opened
      await channel.leaveAll();
    } else {
      this.#heldQueueDrainer.start(this.#heldPlaces());
      this.#bindingWatch.start();
      for (const place of [{ topic }, { topic, group }])
        this.services.heldPlaces.set(topology.names.held(place), place);
    }
  }

  /** Of the topic and of the group. Another process may have declared their queues while this one was away. */
  #heldPlaces(): readonly Destination[] {
    const { topic, group } = this.subscription;
    const { queueDepths, topology } = this.services;
    const places = [{ topic }, { topic, group }];
    for (const place of places) queueDepths.expect(topology.names.held(place));
    return places;
  }

  async #consumeOn(channel: ConsumerChannel): Promise<void> {
    const { topic, group, ordering } = this.subscription;
    if (ordering === 'none') for (const queue of this.#queues) await channel.consume(queue);
    else {
      this.#balancer = new QueueBalancer(this.services, channel, this.#queues, { topic, group });
      await this.#balancer.start();
    }
    for (const queue of this.#handedOver) {
      await this.services.topology.newerQueue(queue);
      await channel.consume(queue);
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
    await this.services.topology.group(this.subscription);
    this.#heldQueueDrainer.start(this.#heldPlaces(), 'later');
  }

  /** A method, so that TypeScript does not narrow the flag across an await. */
  #hasEnded(): boolean {
    return this.#isStopping;
  }

  #take(item: UnackedDelivery, channel: ConsumerChannel): void {
    const { decoded, raw } = item;
    if (decoded.newerFormat !== undefined) {
      void this.#leave(item, channel, decoded.newerFormat);
      return;
    }
    this.delivered(decoded.message);
    if (decoded.ignored > 0) {
      const { topic, group } = this.subscription;
      this.services.context.onEvent({ type: 'headers-ignored', topic, group, count: 1 });
    }
    const { queueType } = this.services.options;
    const { consumerTag, redelivered } = raw.fields;
    const forgiven = this.services.returnedUnseen.forgives(consumerTag, { isRedelivered: redelivered });
    const attempt = decoded.attempt + Math.max(0, decoded.crashes - forgiven);
    const inFlight = { item, channel, attempt };
    // Order is kept within each queue. After a reconnect, a redelivery waits until the first run of its message has ended.
    if (queueType === 'quorum' || !raw.fields.redelivered)
      this.#slots.offer(inFlight, raw.fields.consumerTag);
    else void this.#countCrash(inFlight);
  }

  /** To a process of a newer version. With order by key its queue waits until that has handled it. */
  async #leave(item: UnackedDelivery, channel: ConsumerChannel, format: number): Promise<void> {
    const { topic, group, ordering } = this.subscription;
    const { topology, newer } = this.services;
    this.#leaving += 1;
    this.#formats.found('messages', format, () => this.#leaving > 0);
    const queue = topology.names.newer({ topic, group }, format);
    this.#leftIn.add(queue);
    const { exchange } = item.raw.fields;
    const from = {
      isPublic: exchange !== '' && exchange !== topology.names.exchange({ topic, group }),
      isOurs: () => !channel.acks.isGone && !this.#isAbandoned && !this.#hasGivenUp,
      failed: (error: unknown) => this.#report(error),
    };
    const isSafe =
      ordering === 'key'
        ? await newer.handOverInOrder(item.raw, queue, from)
        : await newer.handOver(item.raw, queue, from);
    this.#leaving -= 1;
    if (isSafe) this.#settle({ item, channel, attempt: 1 }, noop);
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
    const { message, removed } = item.decoded;
    const transport = this.services.context.name;
    const delivery = { message, attempt, transport };
    if (removed === undefined) handOver(this.onDelivery, delivery, settled);
    else handOver(this.onDelivery, { ...delivery, unacceptable: this.#unacceptable(removed, item) }, settled);
  }

  #unacceptable(removed: string, { raw, decoded }: UnackedDelivery): Unacceptable {
    const queue = raw.fields.consumerTag; // which is named after its queue
    if (removed === MALFORMED)
      return { reason: 'deserialization_failed', detail: malformedDetail(queue, decoded.flaw) };
    const [reason, why] = REMOVED[removed] ?? [];
    if (reason === undefined) {
      const detail = `The message was in a delay queue of "${queue}" without a readable destination and time.`;
      return { reason: 'deserialization_failed', detail };
    }
    return { reason, detail: `The broker removed the message from the queue "${queue}" ${why}.` };
  }

  #settle({ item, channel }: InFlight, done: () => void): void {
    const { consumerTag } = item.raw.fields;
    if (this.subscription.ordering === 'key' && this.#handedOver.includes(consumerTag))
      // The process that waits hands it over again where the announcement fails.
      void this.services.newer
        .announce(item.raw, consumerTag)
        .catch((error: unknown) => this.#report(error))
        .then(() => this.#acknowledge(item, channel, done));
    else this.#acknowledge(item, channel, done);
  }

  #acknowledge(item: UnackedDelivery, channel: ConsumerChannel, done: () => void): void {
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
    const { removed } = item.decoded;
    const retries = removed === undefined ? this.#retries : this.#retriesOf(removed);
    return retries.publish(delivered, retry, () => !channel.acks.isGone && !this.#isAbandoned);
  }

  async #republish(
    { message, attempt, delayMs }: NextAttempt,
    removed: string | undefined,
  ): Promise<PublishOutcome | undefined> {
    const transit = { attempt, ...(removed === undefined ? {} : { removed }) };
    if (delayMs <= 0) return this.#toGroup(message, transit);
    const { topic, group } = this.subscription;
    const parcel = { messages: [message], transit, deadline: this.#deadline() };
    const delay = { topic, group, delayMs, leftMs: delayMs };
    return (await this.services.publisher.postpone({ topic, group }, delay, parcel))[0];
  }

  async #toGroup(message: WireMessage, transit: Transit): Promise<PublishOutcome | undefined> {
    const queue = this.#queues[partitionOf(message.key, this.#queues.length)] ?? '';
    const parcel = { messages: [message], transit, deadline: this.#deadline() };
    return (await this.services.publisher.toQueue(queue, parcel))[0];
  }

  /** Messages held for a topic go to all of its groups, because none has received them. */
  async #deliverHeld(
    { message, attempt, removed }: DecodedMessage,
    from: Destination,
  ): Promise<PublishOutcome | undefined> {
    const transit = { attempt, ...(removed === undefined ? {} : { removed }) };
    if (from.group !== undefined) return this.#toGroup(message, transit);
    const parcel = { messages: [message], transit, deadline: this.#deadline() };
    return (await this.services.publisher.toGroups(from.topic, parcel))[0];
  }

  #deadline(): number {
    return this.services.context.clock.monotonic() + this.services.options.operationTimeoutMs;
  }

  #report(cause: unknown): void {
    this.#errors.trouble(this.#explained(cause));
  }

  #explained(cause: unknown): Error {
    return failureOf(cause, this.services.connection.label, false).error;
  }
}

function noop(): void {
  // nothing waits for this settlement
}
