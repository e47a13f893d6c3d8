import type { Channel, ConsumeMessage } from './amqplib-client.js';
import type { RabbitmqConnection } from './rabbitmq-connection.js';
import { answered } from './answered.js';

/** What did not work is tried again after this. */
const RETRY_MS = 1_000;

/** Takes messages from a queue of ours to where they belong: confirmed there first, acknowledged here second. */
export class Mover {
  #channel: Channel | undefined;
  #moving = 0;

  /**
   * @param move resolves with true once the message is safe elsewhere.
   * @param lost told when the channel has ended by itself.
   */
  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly queue: string,
    private readonly options: {
      readonly prefetch: number;
      readonly move: (message: ConsumeMessage) => Promise<boolean>;
      readonly lost: () => void;
    },
  ) {}

  get isOpen(): boolean {
    return this.#channel !== undefined;
  }

  get isIdle(): boolean {
    return this.#moving === 0;
  }

  async open(): Promise<void> {
    const channel = await this.connection.openChannel();
    channel.on('close', () => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.options.lost();
    });
    this.#channel = channel;
    try {
      await answered(channel.prefetch(this.options.prefetch));
      const take = (message: ConsumeMessage | null): void => {
        if (message) void this.#take(channel, message);
        else this.#end(channel);
      };
      await answered(channel.consume(this.queue, take));
    } catch (error) {
      this.#channel = undefined;
      this.#end(channel);
      throw error;
    }
  }

  /** What is under way is moved once more by somebody else. */
  close(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel) this.#end(channel);
  }

  async #take(channel: Channel, message: ConsumeMessage): Promise<void> {
    this.#moving += 1;
    try {
      while (this.#channel === channel && !(await this.options.move(message).catch(() => false)))
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      if (this.#channel === channel) channel.ack(message);
    } catch {
      // the channel is closing, and the message comes again
    } finally {
      this.#moving -= 1;
    }
  }

  #end(channel: Channel): void {
    try {
      channel.close().catch(() => undefined);
    } catch {
      // it has ended already
    }
  }
}
