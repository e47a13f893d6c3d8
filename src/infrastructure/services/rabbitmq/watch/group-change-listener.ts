import { randomUUID } from 'node:crypto';
import type { Clock, TransportEvent } from '../../../../core/messaging/ports/transport.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import { failureOf } from '../client/rabbitmq-errors.js';
import { endChannel, withReplyTimeout } from '../connection/channel-calls.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { declareChanges } from '../topology/group-changes.js';
import { type KnownGroup, knownGroupIn } from '../topology/group-registry.js';
import type { ResourceNames } from '../topology/resource-names.js';
import { JitteredInterval } from './jittered-interval.js';

/** How often a process that is not subscribed tries again. */
const CHECK_MS = 20_000;
/** Changes that a paused process may miss: it reads all lists after a reconnect. */
const MAX_WAITING = 10_000;

/**
 * Keeps the list of groups of this process up to date with what the others register.
 *
 * A deleted virtual host takes the lists on the broker with it, and the first process that returns declares the exchange of a topic
 * from memory. A group that it does not know would miss what is accepted until its own process returns.
 */
export class GroupChangeListener {
  readonly #interval: JitteredInterval;
  #channel: Channel | undefined;
  #isSubscribing = false;

  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly names: ResourceNames,
    private readonly registry: {
      learn(topic: string, changed: KnownGroup): void;
      /** Reads the list of each topic in use from the broker: changes are missed while this process is not subscribed. */
      readAll(): Promise<void>;
      /** A process of a newer version has handled a message that was handed over to it. */
      settled(place: string): void;
    },
    private readonly context: { readonly clock: Clock; readonly onEvent: (event: TransportEvent) => void },
  ) {
    this.#interval = new JitteredInterval(context.clock, CHECK_MS, () => this.subscribe());
  }

  /** After each connect. Never rejects: a failure is reported, and tried again later. */
  async subscribe(): Promise<void> {
    this.#interval.start();
    if (this.#channel || this.#isSubscribing || !this.connection.isUp || !this.connection.mayDeclare) return;
    this.#isSubscribing = true;
    try {
      this.#channel = await this.#open();
      await this.registry.readAll();
    } catch (error) {
      this.#unsubscribe(); // so that the lists are read again with the next try
      if (this.#interval.hasEnded) return;
      const { error: reason } = failureOf(error, this.connection.label, false);
      this.context.onEvent({ type: 'error', error: reason });
    } finally {
      this.#isSubscribing = false;
    }
  }

  close(): void {
    this.#interval.end();
  }

  #unsubscribe(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel) endChannel(channel);
  }

  async #open(): Promise<Channel> {
    const channel = await this.connection.openChannel();
    const ended = (): void => {
      if (this.#channel === channel) this.#channel = undefined;
    };
    channel.once('close', ended);
    try {
      await declareChanges(channel, this.names);
      const queue = `${this.names.groupChanges}.${randomUUID()}`;
      const args = { 'x-queue-type': 'classic', 'x-max-length': MAX_WAITING };
      await withReplyTimeout(
        channel.assertQueue(queue, { exclusive: true, durable: false, autoDelete: true, arguments: args }),
      );
      await withReplyTimeout(channel.bindQueue(queue, this.names.groupChanges, ''));
      const take = (message: ConsumeMessage | null): void => {
        if (message) this.#take(message.content);
        else {
          ended();
          endChannel(channel);
        }
      };
      await withReplyTimeout(channel.consume(queue, take, { noAck: true }));
      return channel;
    } catch (error) {
      endChannel(channel);
      throw error;
    }
  }

  /** What cannot be read is ignored: the list on the broker is what counts. */
  #take(content: Buffer): void {
    let change: unknown;
    try {
      change = JSON.parse(content.toString());
    } catch {
      return;
    }
    const { topic, settled } = (change ?? {}) as { readonly topic?: unknown; readonly settled?: unknown };
    if (typeof settled === 'string') this.registry.settled(settled);
    const known = knownGroupIn(change);
    if (typeof topic === 'string' && known) this.registry.learn(topic, known);
  }
}
