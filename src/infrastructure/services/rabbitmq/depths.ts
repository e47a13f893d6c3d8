import type { Clock } from '../../../core/messaging/transport.js';
import type { Channel } from './amqplib-client.js';
import type { RabbitmqConnection } from './rabbitmq-connection.js';
import { REPLY, replyCodeOf } from './rabbitmq-errors.js';
import { within } from './within.js';

/** A queue that is not there is not asked for again for so long, unless this process declares it. */
const MISSING_MS = 30_000;

/** How many messages queues hold, asked of the broker without the management plugin. */
export class Depths {
  /** Until when each counts as missing, on the clock that never jumps. */
  readonly #missing = new Map<string, number>();

  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly timeoutMs: number,
    private readonly clock: Clock,
  ) {}

  /** It is there from now on. */
  declared(queue: string): void {
    this.#missing.delete(queue);
  }

  /** Messages that could be handed out, of all the queues together; none of those that are not there. */
  async sum(queues: readonly string[]): Promise<number> {
    const now = this.clock.monotonic();
    const left = queues.filter((queue) => !((this.#missing.get(queue) ?? 0) > now));
    let sum = 0;
    while (left.length > 0) sum += await this.#sumUntilMissing(left);
    return sum;
  }

  /** A question about a queue that is not there ends the channel. */
  async #sumUntilMissing(left: string[]): Promise<number> {
    const channel = await this.connection.openChannel();
    let sum = 0;
    try {
      for (let queue = left.shift(); queue !== undefined; queue = left.shift()) {
        const depth = await this.#depth(channel, queue);
        if (depth === undefined) return sum;
        sum += depth;
      }
      channel.close().catch(() => undefined);
      return sum;
    } catch (error) {
      left.length = 0;
      throw error;
    }
  }

  async #depth(channel: Channel, queue: string): Promise<number | undefined> {
    try {
      const late = (): Error => new Error(`no answer about "${queue}"`);
      return (await within(channel.checkQueue(queue), this.timeoutMs, late)).messageCount;
    } catch (error) {
      if (replyCodeOf(error) !== REPLY.notFound) throw error;
      this.#missing.set(queue, this.clock.monotonic() + MISSING_MS);
      return undefined;
    }
  }
}
