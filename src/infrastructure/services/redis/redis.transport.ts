import { InvalidMessageError, MessagingError } from '../../../core/messaging/messaging.errors.js';
import { settlesWithin } from '../../../core/messaging/transport-kit/deadline.js';
import { assertName } from '../../../core/messaging/transport-kit/limits.js';
import type {
  Backlog,
  Consumer,
  Destination,
  Durability,
  GroupKeeper,
  GroupState,
  OnDelivery,
  PublishOptions,
  PublishOutcome,
  Subscription,
  Transport,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/transport.js';
import { DueAlarms } from './due-alarms.js';
import { RedisConnection } from './redis-connection.js';
import { RedisConsumer } from './redis-consumer.js';
import { failureOf } from './redis-errors.js';
import { RedisGroup } from './redis-group.js';
import { TopicKeys } from './redis-keys.js';
import { type Place, Places } from './places.js';
import type { RedisOptions } from './redis.options.js';
import { RedisPublisher } from './redis-publisher.js';
import { RedisReader } from './redis-reader.js';
import { BACKLOG, GROUPS, REMOVE_GROUP } from './scripts/looking-after.js';
import { examineServer } from './server-examination.js';

/** Closing waits this long for running handlers, and then leaves them to themselves. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Carries messages on Redis Streams: one server, a primary behind sentinels, or a cluster.
 *
 * Two connections serve the whole application, one for publishing and one for everything else; each consumer has a further
 * one on which it waits.
 */
export class RedisTransport implements Transport, GroupKeeper {
  readonly name: string;
  readonly system = 'redis';
  readonly durability: Durability;
  readonly #publishing: RedisConnection;
  readonly #control: RedisConnection;
  readonly #places: Places;
  readonly #publisher: RedisPublisher;
  readonly #alarms: DueAlarms;
  readonly #consumers = new Set<RedisConsumer>();
  #isConnected = false;
  #closing: Promise<void> | undefined;

  /** @throws MessagingConfigurationError when the options do not fit together. */
  constructor(
    private readonly options: RedisOptions,
    private readonly context: TransportContext,
  ) {
    this.name = context.name;
    this.durability = options.replicas > 0 ? 'replicated' : 'acknowledged';
    const listener = { onUp: () => this.#tellState(), onDown: (error?: Error) => this.#tellState(error) };
    this.#publishing = new RedisConnection(this.name, options, listener);
    this.#control = new RedisConnection(this.name, options, listener);
    this.#places = new Places(options.keyPrefix);
    this.#publisher = new RedisPublisher(this.#publishing, options, context.clock);
    this.#alarms = new DueAlarms(this.#control, context.clock);
  }

  async connect(): Promise<void> {
    if (this.#closing) throw this.#closedError();
    await Promise.all([this.#publishing.connect(), this.#control.connect()]);
    for (const warning of await examineServer(this.#control))
      this.context.onEvent({ type: 'error', error: warning });
  }

  publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    if (this.#closing)
      return Promise.resolve(allOf(messages, { kind: 'unavailable', error: this.#closedError() }));
    if (messages.length === 0) return Promise.resolve([]);
    let place: Place;
    try {
      place = this.#places.of(to);
    } catch (error) {
      return Promise.resolve(allOf(messages, { kind: 'refused', error: error as Error }));
    }
    if (options.delayMs !== undefined && options.delayMs > 0)
      this.#alarms.set({ from: place.delayed, to: place.log }, options.delayMs);
    return messages.some((message) => this.#tooLarge(message))
      ? this.#publishFitting(place, messages, options)
      : this.#publisher.publish(place, messages, options);
  }

  async #publishFitting(
    place: Place,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const refused = messages.map((message) => this.#tooLarge(message));
    const fitting = messages.filter((_, index) => !refused[index]);
    const taken = fitting.length === 0 ? [] : await this.#publisher.publish(place, fitting, options);
    const outcomes = taken[Symbol.iterator]();
    return refused.map((outcome) => outcome ?? (outcomes.next().value as PublishOutcome));
  }

  async consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer> {
    if (this.#closing) throw this.#closedError();
    assertName('topic', subscription.topic);
    assertName('group', subscription.group);
    const { keyPrefix: prefix, leaseMs, orphanRetentionMs } = this.options;
    const { log } = new TopicKeys(prefix, subscription.topic);
    const reader = new RedisReader(this.#control, this.options, log);
    const group = new RedisGroup(this.#control, reader, { subscription, prefix, leaseMs });
    const settings = { subscription, leaseMs, orphanRetentionMs, label: this.#control.label };
    const consumer = new RedisConsumer(group, settings, onDelivery, this.context);
    try {
      await consumer.start();
    } catch (error) {
      consumer.abandon();
      throw failureOf(error, this.#control.label).error;
    }
    this.#consumers.add(consumer);
    return { stop: () => consumer.stop().finally(() => this.#consumers.delete(consumer)) };
  }

  async backlog({ topic, group }: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const keys = new TopicKeys(this.options.keyPrefix, topic).group(group);
    const names = [keys.topicLog, keys.topicDelayed, keys.log, keys.delayed];
    const reply = await this.#ask(() => this.#control.run(BACKLOG, names, [group]));
    const [ready = 0, inFlight = 0, delayed = 0, oldestAgeMs = -1] = reply as number[];
    return { ready, inFlight, delayed, ...(oldestAgeMs < 0 ? {} : { oldestAgeMs }) };
  }

  async groups(topic: string): Promise<readonly GroupState[]> {
    const keys = new TopicKeys(this.options.keyPrefix, topic);
    const reply = await this.#ask(() => this.#control.run(GROUPS, [keys.log], [keys.groupBase]));
    const found = reply as readonly (readonly [group: string, consumers: number])[];
    return Promise.all(
      found.map(async ([group, consumers]) => ({
        group,
        isConsumed: consumers > 0,
        backlog: await this.backlog({ topic, group }),
      })),
    );
  }

  async removeGroup(topic: string, group: string): Promise<boolean> {
    const keys = new TopicKeys(this.options.keyPrefix, topic).group(group);
    const { topicLog, log, delayed, consumers, crashes, locks, waiting } = keys;
    const names = [topicLog, log, delayed, consumers, crashes, locks, waiting];
    const removed = await this.#ask(() => this.#control.run(REMOVE_GROUP, names, [group]));
    if (removed === -1)
      throw new MessagingError(
        'CONFLICT',
        `Group "${group}" of "${topic}" has a consumer. Stop it everywhere, then remove the group.`,
      );
    return removed === 1;
  }

  async ping(): Promise<void> {
    const key = `${this.options.keyPrefix}ping`;
    await this.#ask(() => this.#publishing.call('set', key, Date.now(), 'PX', 60_000));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#publisher.close();
    this.#alarms.close();
    const stopped = Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await settlesWithin(stopped, CLOSE_TIMEOUT_MS, this.context.clock);
    for (const consumer of this.#consumers) consumer.abandon();
    this.#consumers.clear();
    await Promise.all([this.#publishing.close(), this.#control.close()]);
    if (this.#isConnected) this.context.onEvent({ type: 'disconnected' });
    this.#isConnected = false;
  }

  async #ask(question: () => Promise<unknown>): Promise<unknown> {
    if (this.#closing) throw this.#closedError();
    try {
      return await question();
    } catch (error) {
      this.#control.refresh();
      throw failureOf(error, this.#control.label).error;
    }
  }

  #tooLarge({ id, headers, body, key }: WireMessage): PublishOutcome | undefined {
    const { maxMessageBytes } = this.options;
    if (body.length + MOST_METADATA_BYTES <= maxMessageBytes) return undefined;
    let bytes = body.length + id.length + (key?.length ?? 0);
    for (const [header, value] of Object.entries(headers)) bytes += header.length + value.length;
    if (bytes <= maxMessageBytes) return undefined;
    const error = new InvalidMessageError(
      'MESSAGE_TOO_LARGE',
      `Message ${id} has ${bytes} bytes; transport "${this.name}" takes ${maxMessageBytes}. Send a reference instead, or raise maxMessageBytes.`,
    );
    return { kind: 'refused', error };
  }

  /** Connected means that both connections are. */
  #tellState(error?: Error): void {
    const isConnected = this.#publishing.isUp && this.#control.isUp;
    if (isConnected === this.#isConnected || this.#closing) return;
    this.#isConnected = isConnected;
    if (isConnected) this.context.onEvent({ type: 'connected' });
    else this.context.onEvent({ type: 'disconnected', ...(error === undefined ? {} : { error }) });
  }

  #closedError(): MessagingError {
    return new MessagingError('TRANSPORT_CLOSED', `Transport "${this.name}" is closed.`);
  }
}

/** Below the limit by this much, nobody has to count headers: the core bounds them to less. */
const MOST_METADATA_BYTES = 128 * 1024;

function allOf(messages: readonly unknown[], outcome: PublishOutcome): PublishOutcome[] {
  return messages.map(() => outcome);
}
