import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { NotKeptError } from '../../../../core/messaging/ports/errors.js';
import { pauseWhile } from '../../../../core/messaging/transport-kit/backoff.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { withReplyTimeout, endChannel } from '../connection/channel-calls.js';
import { acknowledgeProbe, consumeFirst, type Watched } from './delivery-probe.js';
import { probedIn } from '../wire/message-codec.js';

/** Pause before a failed move is tried again. */
const RETRY_MS = 1_000;

/** Moves messages out of a queue: confirmed at their destination first, acknowledged here second. */
export class Shovel implements Watched {
  #channel: Channel | undefined;
  #lost = (): void => undefined;
  #moving = 0;
  /** Something was delivered since the last check. */
  #isActive = false;

  /**
   * @param move resolves with true once the message is confirmed elsewhere.
   * @param seen called for every delivery, probes included.
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

  /** @param lost called when the channel has ended by itself. */
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
    if (!channel) throw new Error('the shovel is not open');
    const take = (message: ConsumeMessage | null): void => this.#arrived(channel, message);
    try {
      return await consumeFirst(channel, this.queue, { priority, take });
    } catch (error) {
      this.abandon(); // the state of the subscription is unknown
      throw error;
    }
  }

  /** Ends the channel as if the broker had. */
  abandon(): void {
    if (!this.#channel) return;
    this.close();
    this.#lost();
  }

  /** Messages in flight are delivered again, and moved by another process. */
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
    const isOurs = (): boolean => this.#channel === channel;
    try {
      while (isOurs()) {
        const waitMs = await this.#move(message);
        if (waitMs === undefined) break;
        await pauseWhile(isOurs, waitMs, systemClock);
      }
      if (this.#channel === channel) channel.ack(message);
    } catch {
      // the channel is closing, and the message is delivered again
    } finally {
      this.#moving -= 1;
    }
  }

  /** Returns how long to wait before the next try, in ms, or nothing once it is moved. */
  async #move(message: ConsumeMessage): Promise<number | undefined> {
    try {
      return (await this.options.move(message)) ? undefined : RETRY_MS;
    } catch (error) {
      return error instanceof NotKeptError ? error.retryAfterMs : RETRY_MS;
    }
  }
}
