import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { withReplyTimeout, endChannel } from '../connection/channel-calls.js';
import { acknowledgeProbe, consumeFirst, type Watched } from './delivery-probe.js';
import { probedIn } from '../wire/message-codec.js';

/** What did not work is tried again after this. */
const RETRY_MS = 1_000;

/** Takes messages from a queue of ours to where they belong: confirmed there first, acknowledged here second. */
export class Shovel implements Watched {
  #channel: Channel | undefined;
  #lost = (): void => undefined;
  #moving = 0;
  /** Something has come since the last look. */
  #isActive = false;

  /**
   * @param move resolves with true once the message is safe elsewhere.
   * @param seen told of all that arrives, also of what only proves that something does.
   */
  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly queue: string,
    private readonly options: {
      readonly prefetch: number;
      readonly move: (message: ConsumeMessage) => Promise<boolean>;
      readonly seen?: (message: ConsumeMessage) => void;
    },
  ) {}

  get isOpen(): boolean {
    return this.#channel !== undefined;
  }

  get isIdle(): boolean {
    return this.#moving === 0;
  }

  /** @param lost called when it has ended by itself. */
  async open(lost: () => void): Promise<void> {
    const channel = await this.connection.openChannel();
    this.#lost = lost;
    channel.on('close', () => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      lost();
    });
    this.#channel = channel;
    this.#isActive = false;
    try {
      await withReplyTimeout(channel.prefetch(this.options.prefetch));
      await withReplyTimeout(channel.consume(this.queue, (message) => this.#arrived(channel, message)));
    } catch (error) {
      this.#channel = undefined;
      endChannel(channel);
      throw error;
    }
  }

  stillSinceLast(): readonly string[] {
    const isStill = this.isStill();
    this.#isActive = false;
    return isStill ? [this.queue] : [];
  }

  isStill(): boolean {
    return this.isOpen && this.isIdle && !this.#isActive;
  }

  async prefer(_queue: string, priority: number): Promise<() => Promise<void>> {
    const channel = this.#channel;
    if (!channel) throw new Error('it is not open');
    const take = (message: ConsumeMessage | null): void => this.#arrived(channel, message);
    try {
      return await consumeFirst(channel, this.queue, { priority, take });
    } catch (error) {
      this.abandon(); // nobody knows how it is consumed now
      throw error;
    }
  }

  /** Ends it as if the broker had. */
  abandon(): void {
    if (!this.#channel) return;
    this.close();
    this.#lost();
  }

  /** What is under way is moved once more by somebody else. */
  close(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel) endChannel(channel);
  }

  #arrived(channel: Channel, message: ConsumeMessage | null): void {
    if (this.#channel !== channel) return;
    this.#isActive = true;
    if (!message) {
      this.abandon();
      return;
    }
    this.options.seen?.(message);
    if (probedIn(message) !== undefined) acknowledgeProbe(channel, message);
    else void this.#take(channel, message);
  }

  async #take(channel: Channel, message: ConsumeMessage): Promise<void> {
    this.#moving += 1;
    try {
      while (this.#channel === channel && !(await this.options.move(message).catch(() => false)))
        await pause(RETRY_MS, systemClock);
      if (this.#channel === channel) channel.ack(message);
    } catch {
      // the channel is closing, and the message comes again
    } finally {
      this.#moving -= 1;
    }
  }
}
