import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Destination, Subscription } from '../../../../core/messaging/ports/transport.js';
import type { Channel } from '../client/amqplib-client.js';
import { endChannel } from '../connection/channel-calls.js';
import { withExclusiveLock } from '../connection/exclusive-lock.js';
import type { QueueDepths } from './queue-depths.js';
import { routingKeysOf } from '../wire/key-buckets.js';
import type { ResourceNames } from './resource-names.js';
import {
  declared,
  plainQueue,
  groupQueue,
  heldQueue,
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
    private readonly options: RabbitmqOptions,
    private readonly queueDepths: QueueDepths,
  ) {}

  /** After a reconnect, or when something is missing: nothing counts as declared. */
  forget(): void {
    this.#declared.clear();
    this.#ready.clear();
  }

  /** Undefined when it is declared already; else a promise of the declaration. */
  exchange(to: Destination): Promise<void> | undefined {
    const name = this.names.exchange(to);
    return this.#once(name, (channel) => declareExchange(channel, name, to.group));
  }

  waitQueue(to: Destination, levelMs: number): Promise<void> | undefined {
    const name = this.names.wait(to, levelMs);
    return this.#once(name, async (channel) => {
      await this.#declareDue(channel);
      await withExclusiveLock(this.connection, this.names.lock(to, levelMs), () =>
        this.#declareQueue(channel, name, waitQueue(this.names, levelMs)),
      );
    });
  }

  heldQueue(to: Destination): Promise<void> | undefined {
    const name = this.names.held(to);
    return this.#once(name, (channel) => this.#declareQueue(channel, name, heldQueue(this.options)));
  }

  pingQueue(): Promise<void> | undefined {
    const name = this.names.ping;
    return this.#once(name, (channel) => this.#declareQueue(channel, name, pingQueue()));
  }

  unroutableQueue(): Promise<void> | undefined {
    const name = this.names.unroutable;
    return this.#once(name, (channel) => this.#declareQueue(channel, name, plainQueue()));
  }

  due(): Promise<void> | undefined {
    return this.#once(this.names.due, (channel) => this.#declareDue(channel));
  }

  /** Queue or queues of a group, bound to its topic. Resolves with their names. */
  async group({ topic, group, ordering }: Subscription): Promise<readonly string[]> {
    const partitions = ordering === 'key' ? this.options.keyPartitions : 1;
    const queues = this.queuesOf({ topic, group }).slice(0, partitions);
    const exchange = this.names.exchange({ topic, group });
    const args = groupQueue(this.options, this.names, ordering);
    await this.#once(`${exchange} queues`, (channel) =>
      withExclusiveLock(this.connection, this.names.lock({ topic, group }), async () => {
        await this.#declareDue(channel);
        await declareExchange(channel, this.names.exchange({ topic }), undefined);
        await declareExchange(channel, exchange, group);
        if (ordering === 'key')
          await this.#declareQueue(channel, this.names.members({ topic, group }), plainQueue());
        for (const [partition, queue] of queues.entries()) {
          await this.#declareQueue(channel, queue, args);
          const keys = ordering === 'key' ? routingKeysOf(partition, partitions) : ['#'];
          await Promise.all(keys.map((key) => channel.bindQueue(queue, exchange, key)));
        }
        const whole = this.names.exchange({ topic });
        // Last, so that a group receives nothing while only a part of it is declared.
        if (ordering === 'key') await channel.bindExchange(exchange, whole, '');
        else await channel.bindQueue(this.names.queue({ topic, group }), whole, '');
      }),
    );
    return queues;
  }

  /** Every queue that a group may have, with or without order by key. */
  queuesOf(to: Required<Destination>): readonly string[] {
    return Array.from({ length: this.options.keyPartitions }, (_, index) => this.names.queue(to, index));
  }

  #once(name: string, declare: (channel: Channel) => Promise<void>): Promise<void> | undefined {
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

  async #declareQueue(channel: Channel, name: string, args: QueueArguments): Promise<void> {
    try {
      await channel.assertQueue(name, declared(args));
      this.queueDepths.declared(name);
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
