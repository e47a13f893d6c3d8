import { MessagingConfigurationError } from '../../../core/messaging/ports/errors.js';
import { AgeEstimates } from '../../../core/messaging/transport-kit/age-estimate.js';
import {
  CheckedTransport,
  type TransportDriver,
} from '../../../core/messaging/transport-kit/checked-transport.js';
import { ConnectionState } from '../../../core/messaging/transport-kit/connection-state.js';
import { ConsumerSet } from '../../../core/messaging/transport-kit/consumer-set.js';
import { ProblemList } from '../../../core/messaging/transport-kit/problem-list.js';
import type {
  Backlog,
  Destination,
  Durability,
  OnDelivery,
  PublishOptions,
  PublishOutcome,
  Subscription,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/ports/transport.js';
import { tlsOf } from './connection/client-config.js';
import { DelayRouter } from './delay/delay-router.js';
import { DelayedCounts } from './consume/delayed-counts.js';
import { readyOf } from './consume/group-depth.js';
import { type ConsumerServices, KafkaConsumer } from './consume/kafka-consumer.js';
import { failureOf } from './client/kafka-errors.js';
import { KafkaConnection } from './connection/kafka-connection.js';
import { type KafkaOptions, problemsOfKafka } from './kafka.options.js';
import { KafkaProducer } from './publish/kafka-producer.js';
import { ResourceNames } from './topology/resource-names.js';
import { Topics } from './topology/topics.js';

const PING_TIMEOUT_MS = 5_000;

/** Carries messages on Kafka: one broker or a cluster. */
export class KafkaTransport extends CheckedTransport<KafkaConsumer> {
  /** @throws MessagingConfigurationError when the options do not fit together or a certificate cannot be read. */
  constructor(options: KafkaOptions, context: TransportContext) {
    const { name } = context;
    const problems = problemsOfKafka(options).map((problem) => `Kafka "${name}" ${problem}`);
    if (problems.length > 0) throw new MessagingConfigurationError(problems);
    tlsOf(name, options); // so that a bad certificate fails at the start
    const state = new ConnectionState(context);
    super(new KafkaDriver(options, context, state), state, context);
  }
}

class KafkaDriver implements TransportDriver<KafkaConsumer> {
  readonly system = 'kafka';
  readonly durability: Durability;
  readonly maxMessageBytes: number;
  readonly consumers = new ConsumerSet<KafkaConsumer>();
  readonly problems: ProblemList;
  readonly #link: KafkaConnection;
  readonly #topics: Topics;
  readonly #producer: KafkaProducer;
  readonly #services: ConsumerServices;
  readonly #router: DelayRouter;
  readonly #delayed: DelayedCounts;
  readonly #ages = new AgeEstimates();

  constructor(
    options: KafkaOptions,
    private readonly context: TransportContext,
    state: ConnectionState,
  ) {
    // With two copies one replica in sync is enough, and it can be the broker that is lost.
    this.durability = (options.replicationFactor ?? 1) > 2 ? 'replicated' : 'acknowledged';
    this.maxMessageBytes = options.maxMessageBytes;
    this.problems = new ProblemList(context.onEvent);
    const connection = new KafkaConnection(context.name, options, context.clock, {
      onUp: () => state.changed(true),
      onDown: (error) => state.changed(false, error),
    });
    const report = (error: unknown): void =>
      context.onEvent({ type: 'error', error: failureOf(error, connection.label, true).error });
    const topics = new Topics(connection, new ResourceNames(options.namePrefix), options, this.problems);
    const producer = new KafkaProducer(connection, topics);
    const delayed = new DelayedCounts(context.clock);
    this.#services = { connection, topics, producer, context, delayed, problems: this.problems };
    this.#router = new DelayRouter(this.#services, this.consumers, report);
    this.#link = connection;
    this.#topics = topics;
    this.#producer = producer;
    this.#delayed = delayed;
  }

  async connect(): Promise<void> {
    await this.#link.connect();
    await this.#topics.verifyShared();
  }

  publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const publishing = this.#producer.publish(to, messages, options);
    const { delayMs = 0 } = options;
    return delayMs > 0 ? this.#counted(publishing, to, delayMs) : publishing;
  }

  async #counted(
    publishing: Promise<readonly PublishOutcome[]>,
    to: Destination,
    delayMs: number,
  ): Promise<readonly PublishOutcome[]> {
    const outcomes = await publishing;
    this.#delayed.added(to, outcomes.filter(({ kind }) => kind === 'accepted').length, delayMs);
    return outcomes;
  }

  consumer(subscription: Subscription, onDelivery: OnDelivery): KafkaConsumer {
    const age = this.#ages.of(subscription);
    return new KafkaConsumer(subscription, this.#services, onDelivery, (message) => age.delivered(message));
  }

  async start(consumer: KafkaConsumer): Promise<void> {
    await Promise.all([this.#router.start(), consumer.start()]);
  }

  async backlog(of: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const { topic, group } = of;
    const ours = [...this.consumers].filter(
      ({ subscription }) => subscription.topic === topic && subscription.group === group,
    );
    const inFlight = ours.flatMap((consumer) => [...consumer.inFlight]);
    const { names } = this.#topics;
    const place = {
      group: names.group({ topic, group }),
      topics: [names.topic({ topic }), names.topic({ topic, group })],
    };
    const owned = ours.flatMap((consumer) => [...consumer.positions()]);
    const left = ours.reduce((sum, consumer) => sum + consumer.left, 0);
    const ready = left + (await readyOf(this.#link, place, owned));
    const delayed = this.#delayed.of({ topic, group });
    return this.#ages.backlog(of, { ready, delayed, inHand: inFlight }, this.context.clock.now());
  }

  async ping(): Promise<void> {
    await this.#producer.ping(this.context.clock.monotonic() + PING_TIMEOUT_MS);
  }

  async close(): Promise<void> {
    await this.#router.close();
    this.#producer.close();
    await this.#link.close();
  }

  explain(cause: unknown): Error {
    return failureOf(cause, this.#link.label, true).error;
  }
}
