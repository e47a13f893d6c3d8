import { InvalidMessageError, MessagingError } from '../../../core/messaging/messaging.errors.js';
import { settlesWithin } from '../../../core/messaging/transport-kit/deadline.js';
import { assertName } from '../../../core/messaging/transport-kit/limits.js';
import type {
  Backlog,
  Consumer,
  Destination,
  Durability,
  OnDelivery,
  PublishOptions,
  PublishOutcome,
  Subscription,
  Transport,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/transport.js';
import { AgeEstimate } from '../../../core/messaging/transport-kit/age-estimate.js';
import { WAIT_LEVELS } from './delay-plan.js';
import type { ConsumerServices } from './consumer-services.js';
import { Depths } from './depths.js';
import { DueRouter } from './due-router.js';
import { Names } from './names.js';
import { OverdueSweep } from './overdue-sweep.js';
import { WaitingProbe } from './waiting-probe.js';
import { RabbitmqConnection } from './rabbitmq-connection.js';
import { RabbitmqConsumer } from './rabbitmq-consumer.js';
import { failureOf } from './rabbitmq-errors.js';
import type { RabbitmqOptions } from './rabbitmq.options.js';
import { RabbitmqPublisher } from './rabbitmq-publisher.js';
import { serverUrlsOf } from './server-urls.js';
import { Topology } from './topology.js';

/** Closing waits this long for running handlers, and then leaves them to themselves. */
const CLOSE_TIMEOUT_MS = 5_000;
const PING_TIMEOUT_MS = 5_000;
/** Below the limit by this much, nobody has to count headers: the core bounds them to less. */
const MOST_METADATA_BYTES = 128 * 1024;

/**
 * Carries messages on RabbitMQ: one node or a cluster.
 *
 * Two connections serve the whole application, because a broker that is short of memory or disk stops reading from those that
 * publish: settlements must get through.
 */
export class RabbitmqTransport implements Transport {
  readonly name: string;
  readonly system = 'rabbitmq';
  readonly durability: Durability;
  readonly #names: Names;
  readonly #publishing: RabbitmqConnection;
  readonly #consuming: RabbitmqConnection;
  readonly #publisher: RabbitmqPublisher;
  readonly #topology: Topology;
  readonly #depths: Depths;
  readonly #services: ConsumerServices;
  readonly #router: DueRouter;
  readonly #sweep: OverdueSweep;
  readonly #waiting: WaitingProbe;
  readonly #consumers = new Set<RabbitmqConsumer>();
  readonly #ages = new Map<string, AgeEstimate>();
  #isConnected = false;
  #closing: Promise<void> | undefined;

  /** @throws MessagingConfigurationError when the options do not fit together. */
  constructor(
    private readonly options: RabbitmqOptions,
    private readonly context: TransportContext,
  ) {
    this.name = context.name;
    this.durability = options.queueType === 'quorum' ? 'replicated' : 'acknowledged';
    this.#names = new Names(options.namePrefix);
    const urls = serverUrlsOf(this.name, options);
    const { clock } = context;
    const settings = { options, clock };
    this.#publishing = new RabbitmqConnection(this.name, urls, settings, {
      onUp: () =>
        void this.#publisher.open().then(
          () => this.#tellState(),
          () => undefined,
        ),
      onDown: (error) => this.#tellState(error),
      onBlocked: (reason) => {
        this.#publisher.blocked();
        context.onEvent({ type: 'blocked', reason });
      },
      onUnblocked: () => context.onEvent({ type: 'unblocked' }),
    });
    this.#consuming = new RabbitmqConnection(this.name, urls, settings, {
      onUp: () => {
        this.#topology.forget();
        this.#waiting.start();
        this.#tellState();
      },
      onDown: (error) => this.#tellState(error),
      onBlocked: () => undefined,
      onUnblocked: () => undefined,
    });
    this.#depths = new Depths(this.#consuming, options.operationTimeoutMs, clock);
    this.#topology = new Topology(this.#consuming, this.#names, options, this.#depths);
    const declaring = new Topology(this.#publishing, this.#names, options, this.#depths);
    this.#publisher = new RabbitmqPublisher(this.#publishing, declaring, {
      options,
      clock,
      undeclared: (text) => this.#redeclare(text),
      waits: (to, waitMs) => this.#sweep.uses(to, waitMs),
      stuck: () => this.#waiting.stuck,
    });
    this.#services = {
      connection: this.#consuming,
      topology: this.#topology,
      depths: this.#depths,
      publisher: this.#publisher,
      options,
      context,
    };
    this.#router = new DueRouter(
      this.#services,
      (error) =>
        context.onEvent({ type: 'error', error: failureOf(error, this.#consuming.label, false).error }),
      (queue) => this.#sweep.learns(queue),
    );
    this.#sweep = new OverdueSweep(this.#services, (message) => this.#router.sendOn(message));
    this.#waiting = new WaitingProbe(this.#services, this.#router, () => this.#sweep.known());
  }

  async connect(): Promise<void> {
    if (this.#closing) throw this.#closedError();
    await Promise.all([this.#publishing.connect(), this.#consuming.connect()]);
    await this.#ask(() => this.#publisher.open());
    this.#sweep.start();
    this.#waiting.start();
    this.#tellState();
  }

  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (this.#closing) return messages.map(() => ({ kind: 'unavailable', error: this.#closedError() }));
    if (messages.length === 0) return [];
    try {
      assertName('topic', to.topic);
      if (to.group !== undefined) assertName('group', to.group);
    } catch (error) {
      return messages.map(() => ({ kind: 'refused', error: error as Error }));
    }
    if (!messages.some(({ body }) => body.length + MOST_METADATA_BYTES > this.options.maxMessageBytes))
      return this.#publisher.publish(to, messages, options);
    const refused = messages.map((message) => this.#tooLarge(message));
    const fitting = messages.filter((_, index) => !refused[index]);
    const taken = fitting.length === 0 ? [] : await this.#publisher.publish(to, fitting, options);
    const outcomes = taken[Symbol.iterator]();
    return refused.map((outcome) => outcome ?? (outcomes.next().value as PublishOutcome));
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#closing) throw this.#closedError();
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    const age = this.#ageOf(subscription);
    const consumer = new RabbitmqConsumer(subscription, this.#services, onDelivery, (message) =>
      age.delivered(message),
    );
    this.#consumers.add(consumer);
    try {
      await this.#ask(async () => {
        await this.#router.start();
        await consumer.start();
      });
    } catch (error) {
      consumer.abandon();
      this.#consumers.delete(consumer);
      throw error;
    }
    const { topic, group } = subscription;
    this.#sweep.suspects({ topic });
    this.#sweep.suspects({ topic, group });
    return { stop: () => consumer.stop().finally(() => this.#consumers.delete(consumer)) };
  }

  async backlog({ topic, group }: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const isOurs = ({ subscription }: RabbitmqConsumer): boolean =>
      subscription.topic === topic && subscription.group === group;
    const inHand = [...this.#consumers].filter(isOurs).flatMap((consumer) => [...consumer.inHand()]);
    const waiting = [{ topic }, { topic, group }].flatMap((to) =>
      WAIT_LEVELS.map((level) => this.#names.wait(to, level)),
    );
    const [ready, delayed] = await this.#ask(() =>
      Promise.all([this.#depths.sum(this.#topology.queuesOf({ topic, group })), this.#depths.sum(waiting)]),
    );
    const age = this.#ageOf({ topic, group });
    const oldestAgeMs = age.oldestAgeMs(ready, inHand, this.context.clock.now());
    return { ready, inFlight: inHand.length, delayed, ...(oldestAgeMs === undefined ? {} : { oldestAgeMs }) };
  }

  async ping(): Promise<void> {
    const { clock } = this.context;
    await this.#ask(() => this.#publisher.ping(clock.monotonic() + PING_TIMEOUT_MS));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#router.close();
    this.#sweep.close();
    this.#waiting.close();
    const stopped = Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await settlesWithin(stopped, CLOSE_TIMEOUT_MS, this.context.clock);
    for (const consumer of this.#consumers) consumer.abandon();
    this.#consumers.clear();
    this.#publisher.close();
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
    if (this.#isConnected) this.context.onEvent({ type: 'disconnected' });
    this.#isConnected = false;
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#closing) throw this.#closedError();
    try {
      return await question();
    } catch (error) {
      throw failureOf(error, this.#consuming.label, true).error;
    }
  }

  /** An exchange takes the bindings of all groups with it. */
  async #redeclare(text: string): Promise<void> {
    const { label } = this.#consuming;
    const error = new MessagingError(
      'TRANSPORT_UNAVAILABLE',
      `${label} lacks what was declared. It is declared anew. It says: ${text}`,
    );
    this.context.onEvent({ type: 'error', error });
    this.#topology.forget();
    // Whoever cannot do so now does it after the reconnect.
    await Promise.allSettled([...this.#consumers].map((consumer) => consumer.redeclare()));
  }

  #ageOf({ topic, group }: Pick<Subscription, 'topic' | 'group'>): AgeEstimate {
    const name = `${topic}/${group}`;
    let age = this.#ages.get(name);
    if (!age) this.#ages.set(name, (age = new AgeEstimate()));
    return age;
  }

  #tooLarge({ id, headers, body, key }: WireMessage): PublishOutcome | undefined {
    const { maxMessageBytes } = this.options;
    let bytes = body.length + id.length + (key?.length ?? 0);
    for (const [header, value] of Object.entries(headers)) bytes += header.length + value.length;
    if (bytes <= maxMessageBytes) return undefined;
    const text = `Message ${id} has ${bytes} bytes; transport "${this.name}" takes ${maxMessageBytes}. Send a reference instead, or raise maxMessageBytes.`;
    return { kind: 'refused', error: new InvalidMessageError('MESSAGE_TOO_LARGE', text) };
  }

  /** Connected means that both connections are, and messages can be written. */
  #tellState(error?: Error): void {
    const isConnected = this.#publishing.isUp && this.#consuming.isUp && this.#publisher.isOpen;
    if (isConnected === this.#isConnected || this.#closing) return;
    this.#isConnected = isConnected;
    if (isConnected) this.context.onEvent({ type: 'connected' });
    else this.context.onEvent({ type: 'disconnected', ...(error === undefined ? {} : { error }) });
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `Transport "${this.name}" is closed.`);
  }
}
