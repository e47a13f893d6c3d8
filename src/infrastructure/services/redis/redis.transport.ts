import { MessagingError } from '../../../core/messaging/ports/errors.js';
import {
  CheckedTransport,
  type TransportDriver,
} from '../../../core/messaging/transport-kit/checked-transport.js';
import { ProblemList } from '../../../core/messaging/transport-kit/problem-list.js';
import { ConnectionState } from '../../../core/messaging/transport-kit/connection-state.js';
import {
  type Inbox,
  InboxPlaces,
  type OnReply,
  type Replies,
  type ReplyOptions,
} from '../../../core/messaging/ports/replies.js';
import { noSuchInbox } from '../../../core/messaging/transport-kit/local-inboxes.js';
import { ConsumerSet } from '../../../core/messaging/transport-kit/consumer-set.js';
import type {
  Backlog,
  Destination,
  Durability,
  GroupKeeper,
  GroupState,
  OnDelivery,
  PublishOptions,
  PublishOutcome,
  Subscription,
  TransportContext,
  WireMessage,
} from '../../../core/messaging/ports/transport.js';
import { DueTimers } from './delay/due-timers.js';
import { PublishTargets } from './publish/publish-targets.js';
import { RedisConnection } from './connection/redis-connection.js';
import { RedisConsumer } from './consume/redis-consumer.js';
import { failureOf } from './client/redis-errors.js';
import { RedisGroup } from './consume/redis-group.js';
import { RedisInbox } from './consume/redis-inbox.js';
import { isInboxKey, TopicKeys } from './topology/redis-keys.js';
import type { RedisOptions } from './redis.options.js';
import { RedisPublisher } from './publish/redis-publisher.js';
import { RedisReplies } from './publish/redis-replies.js';
import { RedisReader } from './consume/redis-reader.js';
import { BACKLOG, GROUPS, REMOVE_GROUP } from './scripts/index.js';
import { DurabilityWatch } from './connection/durability-watch.js';
import { probeAtInterval } from './connection/liveness.js';
import { verifyPermissions } from './topology/topology-check.js';

const LOGIN_REJECTED = 'login_rejected';

/** Carries messages on Redis Streams: one server, a primary behind sentinels, or a cluster. */
export class RedisTransport
  extends CheckedTransport<RedisConsumer, RedisDriver>
  implements GroupKeeper, Replies
{
  /** @throws MessagingConfigurationError when the options do not fit together. */
  constructor(options: RedisOptions, context: TransportContext) {
    const state = new ConnectionState(context);
    super(new RedisDriver(options, context, state), state, context);
  }

  groups(topic: string): Promise<readonly GroupState[]> {
    return this.ask(() => this.driver.groups(topic));
  }

  removeGroup(topic: string, group: string): Promise<boolean> {
    return this.ask(() => this.driver.removeGroup(topic, group));
  }

  openInbox(onReply: OnReply): Promise<Inbox> {
    return this.ask(() => this.driver.openInbox(onReply));
  }

  reply(address: string, reply: WireMessage, options: ReplyOptions): Promise<PublishOutcome> {
    return this.checkedReply(reply, () => this.driver.reply(address, reply, options));
  }

  isSubscribed(topic: string): Promise<boolean> {
    return this.ask(() => this.driver.isSubscribed(topic));
  }
}

/** Two connections for the whole application, one for publishing and one for the rest; each consumer has one more. */
class RedisDriver implements TransportDriver<RedisConsumer>, GroupKeeper {
  readonly system = 'redis';
  readonly durability: Durability;
  readonly maxMessageBytes: number;
  readonly consumers = new ConsumerSet<RedisConsumer>();
  readonly problems: ProblemList;
  readonly #publishing: RedisConnection;
  readonly #control: RedisConnection;
  readonly #targets: PublishTargets;
  readonly #publisher: RedisPublisher;
  readonly #replies: RedisReplies;
  readonly #places: InboxPlaces;
  readonly #timers: DueTimers;
  readonly #durability: DurabilityWatch;
  readonly #inboxes = new Set<RedisInbox>();
  #endProbes: (() => void) | undefined;

  constructor(
    private readonly options: RedisOptions,
    private readonly context: TransportContext,
    private readonly state: ConnectionState,
  ) {
    this.durability = options.replicas > 0 ? 'replicated' : 'acknowledged';
    this.maxMessageBytes = options.maxMessageBytes;
    this.problems = new ProblemList(context.onEvent);
    const listener = {
      onUp: () => this.#reportState(),
      onDown: (error?: Error) => this.#reportState(error),
      // The other connection may have nothing to do for long: its first command would fail then.
      onReconnect: (error: Error) => this.#reconnectAll(error),
      onLoginRejected: ({ message }: Error) => this.problems.add({ code: LOGIN_REJECTED, detail: message }),
    };
    this.#publishing = new RedisConnection(context.name, options, listener);
    this.#control = new RedisConnection(context.name, options, {
      ...listener,
      onUp: () => this.#controlIsUp(),
    });
    this.#durability = new DurabilityWatch(this.#control, this.problems, context.onEvent);
    this.#targets = new PublishTargets(options.keyPrefix);
    this.#publisher = new RedisPublisher(this.#publishing, options, context.clock);
    this.#replies = new RedisReplies(this.#publishing, context.name, context.clock);
    this.#places = new InboxPlaces(this.#identity);
    this.#timers = new DueTimers(this.#control, context.clock);
  }

  async connect(): Promise<void> {
    await Promise.all([this.#publishing.connect(), this.#control.connect()]);
    await this.#durability.start();
    this.#endProbes ??= probeAtInterval([this.#publishing, this.#control]);
    const { topology, keyPrefix } = this.options;
    if (topology === 'verify')
      await verifyPermissions(this.#control, {
        keyPrefix,
        username: this.#control.addresses.common.username ?? 'default',
      });
  }

  publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const target = this.#targets.of(to);
    if (options.delayMs !== undefined && options.delayMs > 0)
      this.#timers.set({ from: target.delayed, to: target.log }, options.delayMs);
    return this.#publisher.publish(target, messages, options);
  }

  consumer(subscription: Subscription, onDelivery: OnDelivery): RedisConsumer {
    const { keyPrefix: prefix, leaseMs, orphanRetentionMs, topology } = this.options;
    const { log } = new TopicKeys(prefix, subscription.topic);
    const reader = new RedisReader(this.#control, this.options, log);
    const group = new RedisGroup(this.#control, reader, { subscription, prefix, leaseMs, topology });
    const { label } = this.#control;
    const settings = { subscription, leaseMs, orphanRetentionMs, label, problems: this.problems };
    return new RedisConsumer(group, settings, onDelivery, this.context);
  }

  start(consumer: RedisConsumer): Promise<void> {
    return consumer.start();
  }

  async backlog({ topic, group }: Pick<Subscription, 'topic' | 'group'>): Promise<Backlog> {
    const keys = new TopicKeys(this.options.keyPrefix, topic).group(group);
    const names = [keys.topicLog, keys.topicDelayed, keys.log, keys.delayed];
    const reply = await this.#control.run(BACKLOG, names, [group]);
    const [ready = 0, inFlight = 0, delayed = 0, oldestAgeMs = -1] = reply as number[];
    return { ready, inFlight, delayed, ...(oldestAgeMs < 0 ? {} : { oldestAgeMs }) };
  }

  async groups(topic: string): Promise<readonly GroupState[]> {
    const keys = new TopicKeys(this.options.keyPrefix, topic);
    const reply = await this.#control.run(GROUPS, [keys.log], [keys.groupBase]);
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
    const { topicLog, log, delayed, consumers, crashes, locks, waiting, observed } = keys;
    const names = [topicLog, log, delayed, consumers, crashes, locks, waiting, observed];
    const removed = await this.#control.run(REMOVE_GROUP, names, [group]);
    if (removed === -1)
      throw new MessagingError(
        'CONFLICT',
        `Group "${group}" of "${topic}" has a consumer. Stop it everywhere, then remove the group.`,
      );
    return removed === 1;
  }

  async openInbox(onReply: OnReply): Promise<Inbox> {
    const { keyPrefix } = this.options;
    const readerOf = (key: string): RedisReader => new RedisReader(this.#control, this.options, key);
    const settings = { identity: this.#identity, keyPrefix, control: this.#control, readerOf };
    const inbox = new RedisInbox({ ...settings, clock: this.context.clock }, onReply);
    await inbox.open();
    this.#inboxes.add(inbox);
    return {
      get address() {
        return inbox.address;
      },
      close: () => inbox.close().finally(() => this.#inboxes.delete(inbox)),
    };
  }

  reply(address: string, reply: WireMessage, { deadlineMs }: ReplyOptions): Promise<PublishOutcome> {
    const { keyPrefix } = this.options;
    const key = this.#places.in(address).find((place) => isInboxKey(keyPrefix, place));
    return key === undefined
      ? Promise.resolve({ kind: 'refused', error: noSuchInbox(this.context.name) })
      : this.#replies.send(key, reply, deadlineMs);
  }

  async isSubscribed(topic: string): Promise<boolean> {
    const keys = new TopicKeys(this.options.keyPrefix, topic);
    const found = await this.#control.run(GROUPS, [keys.log], [keys.groupBase]);
    return (found as readonly unknown[]).length > 0;
  }

  get #identity(): { readonly name: string; readonly system: string } {
    return { name: this.context.name, system: this.system };
  }

  async ping(): Promise<void> {
    await this.#publishing.call('set', `${this.options.keyPrefix}ping`, Date.now(), 'PX', 60_000);
  }

  closing(): void {
    this.#publisher.close();
    this.#timers.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#inboxes].map((inbox) => inbox.close()));
    this.#endProbes?.();
    this.#durability.close();
    await Promise.all([this.#publishing.close(), this.#control.close()]);
  }

  explain(cause: unknown): Error {
    this.#control.refresh();
    const whyDown = this.#control.whyDown || this.#publishing.whyDown;
    return failureOf(cause, this.#control.label, { whyDown }).error;
  }

  #reconnectAll(error: Error): void {
    for (const connection of [this.#publishing, this.#control]) connection.react(error);
  }

  #controlIsUp(): void {
    this.#reportState();
    void this.#durability.check();
  }

  /** Connected means that both connections are. */
  #reportState(error?: Error): void {
    const isUp = this.#publishing.isUp && this.#control.isUp;
    if (isUp) this.problems.solve(LOGIN_REJECTED);
    this.state.changed(isUp, error);
  }
}
