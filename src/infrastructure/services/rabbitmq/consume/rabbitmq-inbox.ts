import { randomUUID } from 'node:crypto';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { type Inbox, inboxAddress, type OnReply } from '../../../../core/messaging/ports/replies.js';
import type { Clock, Transport } from '../../../../core/messaging/ports/transport.js';
import { backoffMs } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import { replyCodeOf } from '../client/rabbitmq-errors.js';
import { endChannel, withReplyTimeout } from '../connection/channel-calls.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import type { ResourceNames } from '../topology/resource-names.js';
import { decode } from '../wire/message-codec.js';

/** The broker deletes the queue of a process that has been gone for so long. */
const EXPIRES_MS = 60_000;
const RETRY_BACKOFF = { minMs: 100, maxMs: 5_000 } as const;

export interface InboxSettings {
  readonly identity: Pick<Transport, 'name' | 'system'>;
  readonly connection: RabbitmqConnection;
  readonly names: ResourceNames;
  readonly clock: Clock;
}

/**
 * A queue of this process for the replies to its requests.
 *
 * Not `amq.rabbitmq.reply-to`: its address is of one channel, so that every reply in flight is lost with a connection, and a
 * request must be published on that channel. This queue keeps its name and its replies for a minute without a consumer.
 */
export class RabbitmqInbox implements Inbox {
  #queue: string;
  #channel: Channel | undefined;
  #isSubscribing = false;
  #isClosed = false;
  #cancelRetry = (): void => undefined;

  constructor(
    private readonly settings: InboxSettings,
    private readonly onReply: OnReply,
  ) {
    this.#queue = settings.names.inbox(randomUUID());
  }

  get address(): string {
    return this.#channel ? inboxAddress(this.settings.identity, this.#queue) : '';
  }

  /** Rejects when the broker cannot be reached now, or may not declare a queue. */
  async open(): Promise<void> {
    const { connection } = this.settings;
    if (!connection.mayDeclare)
      throw new MessagingError(
        'CONFIGURATION',
        `${connection.label} has topology: 'verify', and a process that sends requests declares a queue for the replies. Set topology: 'declare' there, or route the requests to another transport.`,
      );
    this.#channel = await this.#subscribe();
  }

  /** After each connect. Never rejects; what fails is tried again. */
  async resubscribe(failures = 0): Promise<void> {
    this.#cancelRetry();
    if (this.#channel || this.#isSubscribing || this.#isClosed || !this.settings.connection.isUp) return;
    this.#isSubscribing = true;
    try {
      this.#channel = await this.#subscribe();
    } catch (error) {
      // The node that has the queue may be down, or another client has taken the name.
      if (replyCodeOf(error) !== undefined) this.#queue = this.settings.names.inbox(randomUUID());
      this.#retry(failures);
    } finally {
      this.#isSubscribing = false;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry();
    const channel = this.#channel;
    this.#channel = undefined;
    if (!channel) return;
    // Without a reply the broker deletes it after a while.
    await withReplyTimeout(channel.deleteQueue(this.#queue)).catch(() => undefined);
    endChannel(channel);
  }

  #retry(failures: number): void {
    if (this.#isClosed) return;
    this.#cancelRetry = this.settings.clock.schedule(
      backoffMs(failures, RETRY_BACKOFF),
      () => void this.resubscribe(failures + 1),
    );
  }

  async #subscribe(): Promise<Channel> {
    const channel = await this.settings.connection.openChannel();
    const ended = (): void => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.#retry(0); // no effect while the connection is down; it subscribes once that is up
    };
    channel.once('close', ended);
    try {
      // Durable, because brokers are about to refuse transient queues of several connections; its messages are not.
      const args = { 'x-queue-type': 'classic', 'x-expires': EXPIRES_MS };
      await withReplyTimeout(channel.assertQueue(this.#queue, { durable: true, arguments: args }));
      const take = (raw: ConsumeMessage | null): void => {
        if (raw) this.onReply(decode(raw).message);
        else {
          ended();
          endChannel(channel);
        }
      };
      await withReplyTimeout(channel.consume(this.#queue, take, { noAck: true }));
      return channel;
    } catch (error) {
      endChannel(channel);
      throw error;
    }
  }
}
