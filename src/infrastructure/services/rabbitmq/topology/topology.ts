/** One file because all declarations share their cache and the channel on which they are made. */
import { errorCodeOf, MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Destination, Subscription } from '../../../../core/messaging/ports/transport.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import type { Channel } from '../client/amqplib-client.js';
import { endChannel } from '../connection/channel-calls.js';
import { withExclusiveLock } from '../connection/exclusive-lock.js';
import type { QueueDepths } from './queue-depths.js';
import { DELAY_LEVELS } from './delay-levels.js';
import { routingKeysOf } from '../wire/key-buckets.js';
import type { GroupRegistry, KnownGroup, KnownGroups } from './group-registry.js';
import type { ResourceNames } from './resource-names.js';
import {
  declared,
  earlierHeldQueue,
  plainQueue,
  groupQueue,
  heldQueue,
  keepingQueue,
  pingQueue,
  type QueueArguments,
  waitQueue,
} from './queue-arguments.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { REPLY, replyCodeOf, said } from '../client/rabbitmq-errors.js';
import type { RabbitmqOptions } from '../rabbitmq.options.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';

/**
 * Declares exchanges, queues and bindings, each once a connection.
 *
 * Every declaration uses its own channel, because a refused one closes its channel. Nothing is ever deleted.
 */
export class Topology {
  readonly #declared = new Map<string, Promise<void>>();
  readonly #ready = new Set<string>();

  constructor(
    private readonly connection: RabbitmqConnection,
    readonly names: ResourceNames,
    protected readonly options: RabbitmqOptions,
    private readonly shared: {
      readonly queueDepths: QueueDepths;
      readonly registry: GroupRegistry;
      readonly problems: ProblemList;
    },
  ) {}

  /** Resolves once everything that does not belong to a topic is there. Declares it when it is first used. */
  ready(): Promise<void> {
    return Promise.resolve();
  }

  protected get label(): string {
    return this.connection.label;
  }

  /** After a reconnect, or when something is missing: nothing counts as declared. */
  forget(): void {
    this.#declared.clear();
    this.#ready.clear();
  }

  /** Undefined when it is declared already; else a promise of the declaration, with the bindings of all known groups. */
  exchange({ topic, group }: Destination): Promise<void> | undefined {
    const name = this.names.exchange(group === undefined ? { topic } : { topic, group });
    if (group !== undefined) return this.once(name, (channel) => declareExchange(channel, name, group));
    return this.once(name, async () => {
      if (!(await this.exists('exchange', name))) await this.#restore(topic);
      else if (!this.shared.registry.hasRead(topic)) this.#readSoon(topic);
    });
  }

  /** So that this process can restore the topic, and no publish waits for it. */
  #readSoon(topic: string): void {
    this.knownGroups(topic).catch(() => undefined); // it is read again with the next change, or when it is needed
  }

  /** Whether the broker has it now. Asks on its own channel, because a missing one closes it. */
  async exists(kind: 'exchange' | 'queue', name: string): Promise<boolean> {
    try {
      await this.#onChannel((channel) =>
        kind === 'exchange' ? channel.checkExchange(name) : channel.checkQueue(name),
      );
      return true;
    } catch (error) {
      if (replyCodeOf(error) === REPLY.notFound) return false;
      throw error;
    }
  }

  waitQueue(to: Destination, levelMs: number): Promise<void> | undefined {
    const name = this.names.wait(to, levelMs);
    return this.once(name, async (channel) => {
      await this.#declareDue(channel);
      await withExclusiveLock(this.connection, this.names.lock(to, levelMs), () =>
        this.#declareQueue(channel, name, waitQueue(this.names, levelMs)),
      );
    });
  }

  heldQueue(to: Destination): Promise<void> | undefined {
    const name = this.names.held(to);
    const earlier = earlierHeldQueue(this.options);
    return this.once(name, (channel) =>
      this.#declareOrKeep(channel, name, heldQueue(this.options, this.names), earlier),
    );
  }

  pingQueue(): Promise<void> | undefined {
    const name = this.names.ping;
    return this.once(name, (channel) => this.#declareQueue(channel, name, pingQueue()));
  }

  unroutableQueue(): Promise<void> | undefined {
    const name = this.names.unroutable;
    return this.once(name, (channel) =>
      this.#declareOrKeep(channel, name, keepingQueue(this.names), plainQueue()),
    );
  }

  /** A queue for messages of a newer version. */
  newerQueue(name: string): Promise<void> | undefined {
    return this.once(name, (channel) => this.#declareQueue(channel, name, plainQueue()));
  }

  due(): Promise<void> | undefined {
    return this.once(this.names.due, (channel) => this.#declareDue(channel));
  }

  /**
   * Declares the exchange of a topic with the bindings of its known groups. While only some are bound, the held queue of the topic gets
   * a copy of every message, and delivers it to all groups afterwards.
   */
  async #restore(topic: string): Promise<void> {
    const name = this.names.exchange({ topic });
    const { registry } = this.shared;
    const restore = async (): Promise<void> => {
      // With a virtual host the list is gone too. It is written again from memory, so that later processes find it.
      if (registry.remembered(topic).size > 0)
        await this.#onChannel((channel) => this.#declareGroups(channel, topic));
      const groups = await registry.read(topic);
      if (groups.size > 0) await this.heldQueue({ topic });
      const held = this.names.held({ topic });
      await this.#onChannel(async (channel) => {
        await declareExchange(channel, name, undefined);
        if (groups.size > 0) await channel.bindQueue(held, name, '');
      });
      for (const known of groups.values()) await this.bindKnown(topic, known);
      if (groups.size > 0) await this.#onChannel((channel) => channel.unbindQueue(held, name, ''));
    };
    const { operationTimeoutMs } = this.options;
    await withExclusiveLock(this.connection, this.names.lock({ topic }), restore, operationTimeoutMs / 2);
  }

  /** The known groups of a topic: as the broker has them, or as this process remembers them. */
  async knownGroups(topic: string, from: 'broker' | 'memory' = 'broker'): Promise<KnownGroups> {
    if (from === 'memory') return this.shared.registry.remembered(topic);
    const { registry } = this.shared;
    if (!(await this.exists('queue', this.names.groups({ topic })))) return registry.read(topic);
    let groups: KnownGroups = new Map();
    await withExclusiveLock(this.connection, this.names.lock({ topic }), async () => {
      groups = await registry.read(topic);
    });
    return groups;
  }

  /** Binds the known groups of a topic, or a known group. Resolves with false when there is none with its queue. */
  async bindAllKnown({ topic, group }: Destination): Promise<boolean> {
    const all = [...(await this.knownGroups(topic)).values()];
    const wanted = all.filter((known) => group === undefined || known.group === group);
    let isBound = false;
    for (const known of wanted) isBound = (await this.bindKnown(topic, known)) || isBound;
    return isBound;
  }

  /**
   * Binds a group to its topic. Without its queue, the held queue of the group gets its messages until it consumes again.
   *
   * @returns false when its queue is missing, or laid out by a newer version.
   */
  async bindKnown(topic: string, { group, partitions, entry }: KnownGroup): Promise<boolean> {
    const to = { topic, group };
    const queues = this.queuesOf(to).slice(0, Math.max(1, partitions));
    const states = await this.shared.queueDepths.of(queues);
    const isThere = entry === undefined && states.every((state) => state !== undefined);
    if (!isThere) await this.heldQueue(to);
    await this.#onChannel(async (channel) => {
      if (isThere) await this.#bind(channel, to, partitions);
      else await channel.bindQueue(this.names.held(to), this.names.exchange({ topic }), '');
    });
    return isThere;
  }

  /** Ends the copies that the held queue gets while a group or a part of the groups is not bound. No-op without bindings. */
  async endHolding(to: Destination): Promise<void> {
    const { topic, group } = to;
    const end = (): Promise<void> =>
      this.#onChannel(async (channel) => {
        await channel.unbindQueue(this.names.held(to), this.names.exchange({ topic }), '');
      });
    if (group !== undefined) return end();
    await withExclusiveLock(this.connection, this.names.lock({ topic }), async () => {
      for (const known of (await this.shared.registry.read(topic)).values())
        await this.bindKnown(topic, known);
      await end();
    });
  }

  async #bind(channel: Channel, to: Required<Destination>, partitions: number): Promise<void> {
    const exchange = this.names.exchange(to);
    const whole = this.names.exchange({ topic: to.topic });
    await declareExchange(channel, exchange, to.group);
    for (const [partition, queue] of this.queuesOf(to).slice(0, Math.max(1, partitions)).entries()) {
      const keys = partitions > 0 ? routingKeysOf(partition, partitions) : ['#'];
      await Promise.all(keys.map((key) => channel.bindQueue(queue, exchange, key)));
    }
    // Last, so that a group receives nothing while only a part of it is declared.
    if (partitions > 0) await channel.bindExchange(exchange, whole, '');
    else await channel.bindQueue(this.names.queue(to), whole, '');
  }

  /** Binds the queues of a group that consumes again, in case another client has removed a binding. */
  async bindAgain({ topic, group, ordering }: Subscription): Promise<void> {
    const partitions = ordering === 'key' ? this.options.keyPartitions : 0;
    await this.#onChannel((channel) => this.#bind(channel, { topic, group }, partitions));
  }

  /** Queue or queues of a group, bound to its topic. Resolves with their names. */
  async group({ topic, group, ordering }: Subscription): Promise<readonly string[]> {
    const isKeyed = ordering === 'key';
    const partitions = isKeyed ? this.options.keyPartitions : 0;
    const to = { topic, group };
    const queues = this.queuesOf(to).slice(0, Math.max(1, partitions));
    await this.exchange({ topic });
    await this.once(`${this.names.exchange(to)} queues`, async (channel) => {
      const deleted = await this.#deletedOf(to, queues);
      await withExclusiveLock(this.connection, this.names.lock(to), async () => {
        await this.#declareDue(channel);
        if (isKeyed) await this.#declareQueue(channel, this.names.members(to), plainQueue());
        for (const queue of queues)
          await this.#declareQueue(channel, queue, groupQueue(this.options, this.names, ordering));
      });
      // After its queues, because a listed group without queues counts as one whose queues were deleted. Before its
      // bindings, so that whatever the group has got once, it gets again after its exchange is restored.
      await this.#register(channel, topic, { group, partitions });
      await this.#bind(channel, to, partitions);
      this.#reportDeleted(to, deleted);
    });
    return queues;
  }

  /** Holds the lock of the topic only for this, because all groups of all processes may start at the same moment. */
  #register(channel: Channel, topic: string, known: KnownGroup): Promise<void> {
    const register = async (): Promise<void> => {
      await this.#declareGroups(channel, topic);
      await this.shared.registry.add(topic, known);
    };
    const { operationTimeoutMs } = this.options;
    return withExclusiveLock(this.connection, this.names.lock({ topic }), register, operationTimeoutMs / 2);
  }

  /** The missing queues of a known group, which has lost what they held. */
  async #deletedOf(
    { topic, group }: Required<Destination>,
    queues: readonly string[],
  ): Promise<readonly string[]> {
    const { registry, queueDepths } = this.shared;
    const known = registry.hasRead(topic) ? registry.remembered(topic) : await this.knownGroups(topic);
    if (!known.has(group)) return [];
    const states = await queueDepths.of(queues);
    return queues.filter((_, index) => states[index] === undefined);
  }

  #reportDeleted({ topic, group }: Required<Destination>, deleted: readonly string[]): void {
    if (deleted.length === 0) return;
    this.shared.problems.happened({
      code: 'queue_deleted',
      topic,
      group,
      detail:
        `${this.connection.label} no longer had the queue "${deleted.join('", "')}". It is recreated; its unhandled messages are lost. ` +
        'Another client has deleted it, or a policy with "expires" matches it.',
    });
  }

  #declareGroups(channel: Channel, topic: string): Promise<void> {
    return this.#declareQueue(channel, this.names.groups({ topic }), keepingQueue(this.names));
  }

  /**
   * Deletes the queues of a group, with what they hold, and forgets the group.
   *
   * @throws MessagingError `CONFLICT` while the group has a consumer.
   */
  async removeGroup(to: Required<Destination>): Promise<boolean> {
    const { topic, group } = to;
    const known = (await this.knownGroups(topic)).get(group);
    if (!known) return false;
    if (known.entry !== undefined)
      throw new MessagingError(
        'CONFLICT',
        `Group "${group}" of "${topic}" was listed by a newer version of Switchyard. Remove it with a process of that version.`,
      );
    const queues = this.queuesOf(to).slice(0, Math.max(1, known.partitions));
    const states = await this.shared.queueDepths.of(queues);
    if (states.some((state) => (state?.consumers ?? 0) > 0))
      throw new MessagingError(
        'CONFLICT',
        `Group "${group}" of "${topic}" has a consumer. Stop it everywhere, then remove the group.`,
      );
    await withExclusiveLock(this.connection, this.names.lock({ topic }), () =>
      this.shared.registry.remove(topic, group),
    );
    const waits = DELAY_LEVELS.map((level) => this.names.wait(to, level));
    const kept = [...waits, this.names.held(to), this.names.members(to)];
    const all = [...queues, ...this.shared.queueDepths.mayExist(kept)];
    for (const queue of all)
      if (await this.exists('queue', queue)) await this.#onChannel((channel) => channel.deleteQueue(queue));
    await this.#onChannel((channel) => channel.deleteExchange(this.names.exchange(to)));
    this.forget();
    return true;
  }

  /** Every queue that a group may have, with or without order by key. */
  queuesOf(to: Required<Destination>): readonly string[] {
    return Array.from({ length: this.options.keyPartitions }, (_, index) => this.names.queue(to, index));
  }

  /** Undefined when it is done already on this connection; else a promise of it. */
  protected once(name: string, declare: (channel: Channel) => Promise<void>): Promise<void> | undefined {
    if (this.#ready.has(name)) return undefined;
    const known = this.#declared.get(name);
    if (known) return known;
    const declaring = this.#onChannel(declare);
    this.#declared.set(name, declaring);
    const isCurrent = (): boolean => this.#declared.get(name) === declaring;
    declaring.then(
      () => isCurrent() && this.#ready.add(name),
      () => isCurrent() && this.#declared.delete(name),
    );
    return declaring;
  }

  async #onChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.connection.openChannel();
    try {
      const { operationTimeoutMs } = this.options;
      return await withDeadline(use(channel), operationTimeoutMs, () => {
        const text = `${this.connection.label} did not reply to a declaration within ${operationTimeoutMs} ms. Check that a majority of its nodes is up.`;
        return new MessagingError('DEADLINE_EXCEEDED', text);
      });
    } finally {
      endChannel(channel);
    }
  }

  async #declareDue(channel: Channel): Promise<void> {
    await channel.assertExchange(this.names.due, 'fanout', { durable: true });
    await this.#declareQueue(channel, this.names.due, plainQueue());
    await channel.bindQueue(this.names.due, this.names.due, '');
  }

  /** Also uses a queue that an earlier version has declared, because it may hold messages. */
  async #declareOrKeep(
    channel: Channel,
    name: string,
    args: QueueArguments,
    earlier: QueueArguments,
  ): Promise<void> {
    try {
      await this.#declareQueue(channel, name, args);
    } catch (error) {
      if (errorCodeOf(error) !== 'CONFLICT') throw error;
      // The refusal has closed the channel, and counts where the earlier arguments do not fit either.
      await this.#onChannel((other) => this.#declareQueue(other, name, earlier)).catch(() => {
        throw error;
      });
      this.shared.problems.happened({
        code: 'earlier_queue_arguments',
        detail:
          `${this.connection.label} has the queue "${name}" of an earlier version, and it is used as it is. A policy with ` +
          `message-ttl or max-length can destroy what it holds: delete it while it is empty, and it is created again.`,
      });
    }
  }

  async #declareQueue(channel: Channel, name: string, args: QueueArguments): Promise<void> {
    try {
      await channel.assertQueue(name, declared(args));
      this.shared.queueDepths.expect(name);
    } catch (error) {
      if (replyCodeOf(error) !== REPLY.preconditionFailed) throw error;
      throw new MessagingError(
        'CONFLICT',
        `${this.connection.label} has a queue "${name}" with other arguments. It is not changed. ` +
          `Expected: ${JSON.stringify(args)}. The broker says: ${said(error)}. ` +
          'Revert the changed option; or drain the queue, delete it and restart; or choose another group or namePrefix.',
      );
    }
  }
}

/** Of a topic: a fanout to every group. Of a group: a topic exchange that routes by the bucket of the key. */
async function declareExchange(channel: Channel, name: string, group: string | undefined): Promise<void> {
  await channel.assertExchange(name, group === undefined ? 'fanout' : 'topic', { durable: true });
}
