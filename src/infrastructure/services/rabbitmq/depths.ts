import type { Clock } from '../../../core/messaging/transport.js';
import type { Channel, Replies } from './amqplib-client.js';
import type { RabbitmqConnection } from './rabbitmq-connection.js';
import { REPLY, replyCodeOf } from './rabbitmq-errors.js';
import { within } from '../../../core/messaging/transport-kit/within.js';

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
    const there = queues.filter((queue) => !((this.#missing.get(queue) ?? 0) > now));
    const states = await this.#statesOf(there);
    return states.reduce((sum, state) => sum + (state?.messageCount ?? 0), 0);
  }

  /** As it is now, also of a queue that another process has just declared. */
  async of(queue: string): Promise<number> {
    return (await this.messages([queue]))[0] ?? 0;
  }

  /** Of each queue; undefined for those that are not there. */
  async messages(queues: readonly string[]): Promise<readonly (number | undefined)[]> {
    return (await this.#statesOf(queues)).map((state) => state?.messageCount);
  }

  /** How many consume each of the queues, in any process. */
  async consumers(queues: readonly string[]): Promise<readonly number[]> {
    return (await this.#statesOf(queues)).map((state) => state?.consumerCount ?? 0);
  }

  async #statesOf(queues: readonly string[]): Promise<readonly (Replies.AssertQueue | undefined)[]> {
    const states: (Replies.AssertQueue | undefined)[] = [];
    while (states.length < queues.length)
      states.push(...(await this.#untilMissing(queues.slice(states.length))));
    return states;
  }

  /** A question about a queue that is not there ends the channel. */
  async #untilMissing(queues: readonly string[]): Promise<readonly (Replies.AssertQueue | undefined)[]> {
    const channel = await this.connection.openChannel();
    const states: (Replies.AssertQueue | undefined)[] = [];
    for (const queue of queues) {
      const state = await this.#state(channel, queue);
      states.push(state);
      if (!state) return states;
    }
    channel.close().catch(() => undefined);
    return states;
  }

  async #state(channel: Channel, queue: string): Promise<Replies.AssertQueue | undefined> {
    try {
      const late = (): Error => new Error(`no answer about "${queue}"`);
      return await within(channel.checkQueue(queue), this.timeoutMs, late);
    } catch (error) {
      if (replyCodeOf(error) !== REPLY.notFound) throw error;
      this.#missing.set(queue, this.clock.monotonic() + MISSING_MS);
      return undefined;
    }
  }
}
