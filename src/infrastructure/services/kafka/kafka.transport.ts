import {
  InvalidMessageError,
  MessagingConfigurationError,
  MessagingError,
} from '../../../core/messaging/messaging.errors.js';
import { AgeEstimate } from '../../../core/messaging/transport-kit/age-estimate.js';
import { assertName } from '../../../core/messaging/transport-kit/limits.js';
import { settlesWithin } from '../../../core/messaging/transport-kit/deadline.js';
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
import { tlsOf } from './client-config.js';
import { DelayRouter } from './delay-router.js';
import { DelayedCounts } from './delayed-counts.js';
import { readyOf } from './group-depth.js';
import { type ConsumerServices, KafkaConsumer } from './kafka-consumer.js';
import { failureOf } from './kafka-errors.js';
import { KafkaLink } from './kafka-link.js';
import { type KafkaOptions, problemsOfKafka } from './kafka.options.js';
import { KafkaProducer } from './kafka-producer.js';
import { Names } from './names.js';
import { Topics } from './topics.js';

/** Closing waits this long for running handlers, and then leaves them to themselves. */
const CLOSE_TIMEOUT_MS = 5_000;
const PING_TIMEOUT_MS = 5_000;
/** Below the limit by this much, nobody has to count headers: the core bounds them to less. */
const MOST_METADATA_BYTES = 128 * 1024;

/** Carries messages on Kafka: one broker or a cluster. */
export class KafkaTransport implements Transport {
  readonly name: string;
  readonly system = 'kafka';
  readonly durability: Durability;
  readonly #link: KafkaLink;
  readonly #topics: Topics;
  readonly #producer: KafkaProducer;
  readonly #services: ConsumerServices;
  readonly #router: DelayRouter;
  readonly #delayed: DelayedCounts;
  readonly #consumers = new Set<KafkaConsumer>();
  readonly #ages = new Map<string, AgeEstimate>();
  #isConnected = false;
  #closing: Promise<void> | undefined;

  /** @throws MessagingConfigurationError when the options do not fit together or a certificate cannot be read. */
  constructor(
    private readonly options: KafkaOptions,
    private readonly context: TransportContext,
  ) {
    this.name = context.name;
    this.durability = (options.replicationFactor ?? 1) > 1 ? 'replicated' : 'acknowledged';
    const problems = problemsOfKafka(options).map((problem) => `Kafka "${this.name}" ${problem}`);
    if (problems.length > 0) throw new MessagingConfigurationError(problems);
    tlsOf(this.name, options); // so that a bad certificate is told at the start
    this.#link = new KafkaLink(this.name, options, context.clock, {
      onUp: () => this.#tellState(undefined),
      onDown: (error) => this.#tellState(error),
    });
    const report = (error: unknown): void =>
      context.onEvent({ type: 'error', error: failureOf(error, this.#link.label, true).error });
    this.#topics = new Topics(this.#link, new Names(options.namePrefix), options, report);
    this.#producer = new KafkaProducer(this.#link, this.#topics);
    this.#delayed = new DelayedCounts(context.clock);
    this.#services = {
      link: this.#link,
      topics: this.#topics,
      producer: this.#producer,
      context,
      delayed: this.#delayed,
    };
    this.#router = new DelayRouter(this.#services, report);
  }

  async connect(): Promise<void> {
    if (this.#closing) throw this.#closedError();
    await this.#link.connect();
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
      return this.#send(to, messages, options);
    const refused = messages.map((message) => this.#tooLarge(message));
    const fitting = messages.filter((_, index) => !refused[index]);
    const taken = fitting.length === 0 ? [] : await this.#send(to, fitting, options);
    const outcomes = taken[Symbol.iterator]();
    return refused.map((outcome) => outcome ?? (outcomes.next().value as PublishOutcome));
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#closing) throw this.#closedError();
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    const age = this.#ageOf(subscription);
    const consumer = new KafkaConsumer(subscription, this.#services, onDelivery, (message) =>
      age.delivered(message),
    );
    this.#consumers.add(consumer);
    try {
      await this.#ask(() => Promise.all([this.#router.start(), consumer.start()]));
    } catch (error) {
      consumer.abandon();
      this.#consumers.delete(consumer);
      throw error;
    }
    return { stop: () => consumer.stop().finally(() => this.#consumers.delete(consumer)) };
  }

  async backlog({ topic, group }: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const ours = [...this.#consumers].filter(
      ({ subscription }) => subscription.topic === topic && subscription.group === group,
    );
    const inHand = ours.flatMap((consumer) => [...consumer.inHand]);
    const { names } = this.#topics;
    const place = {
      group: names.group({ topic, group }),
      topics: [names.topic({ topic }), names.topic({ topic, group })],
    };
    const owned = ours.flatMap((consumer) => [...consumer.positions()]);
    const ready = await this.#ask(() => readyOf(this.#link, place, owned));
    const delayed = this.#delayed.of({ topic, group });
    const oldestAgeMs = this.#ageOf({ topic, group }).oldestAgeMs(ready, inHand, this.context.clock.now());
    return { ready, inFlight: inHand.length, delayed, ...(oldestAgeMs === undefined ? {} : { oldestAgeMs }) };
  }

  async ping(): Promise<void> {
    await this.#ask(() => this.#producer.ping(this.context.clock.monotonic() + PING_TIMEOUT_MS));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const stopped = Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await settlesWithin(stopped, CLOSE_TIMEOUT_MS);
    for (const consumer of this.#consumers) consumer.abandon();
    this.#consumers.clear();
    await this.#router.close();
    this.#producer.close();
    await this.#link.close();
    if (this.#isConnected) this.context.onEvent({ type: 'disconnected' });
    this.#isConnected = false;
  }

  async #send(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const outcomes = await this.#producer.publish(to, messages, options);
    const { delayMs = 0 } = options;
    if (delayMs > 0)
      this.#delayed.added(to, outcomes.filter(({ kind }) => kind === 'accepted').length, delayMs);
    return outcomes;
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#closing) throw this.#closedError();
    try {
      return await question();
    } catch (error) {
      throw failureOf(error, this.#link.label, true).error;
    }
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

  #tellState(error: Error | undefined): void {
    const { isUp } = this.#link;
    if (isUp === this.#isConnected || this.#closing) return;
    this.#isConnected = isUp;
    if (isUp) this.context.onEvent({ type: 'connected' });
    else this.context.onEvent({ type: 'disconnected', ...(error === undefined ? {} : { error }) });
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `Transport "${this.name}" is closed.`);
  }
}
