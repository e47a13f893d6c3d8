import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { Channel } from '../client/amqplib-client.js';
import { endChannel } from '../connection/channel-calls.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { REPLY, replyCodeOf } from '../client/rabbitmq-errors.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';

/**
 * A queue that is not there is not asked for again for so long, unless this process declares it; twice as long each time, because the
 * broker ends a channel and writes an error into its log for every such question.
 */
const MISSING_MIN_MS = 30_000;
const MISSING_MAX_MS = 600_000;

/** Messages that could be handed out, and consumers in any process. */
export interface QueueState {
  readonly messages: number;
  readonly consumers: number;
}

/** How many messages queues hold, asked of the broker without the management plugin. */
export class QueueDepths {
  /** Until when each counts as missing, on the clock that never jumps, and for how long it did. */
  readonly #missing = new Map<string, { readonly until: number; readonly forMs: number }>();

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
    const states = await this.of(this.mayBeThere(queues));
    return states.reduce((sum, state) => sum + (state?.messages ?? 0), 0);
  }

  /** Those of which it is not known that they are missing. */
  mayBeThere(queues: readonly string[]): readonly string[] {
    const now = this.clock.monotonic();
    return queues.filter((queue) => (this.#missing.get(queue)?.until ?? 0) <= now);
  }

  /** What each of them has now, also one that another process has just declared; undefined for those that are not there. */
  async of(queues: readonly string[]): Promise<readonly (QueueState | undefined)[]> {
    const states: (QueueState | undefined)[] = [];
    while (states.length < queues.length)
      states.push(...(await this.#untilMissing(queues.slice(states.length))));
    return states;
  }

  /** A question about a queue that is not there ends the channel. */
  async #untilMissing(queues: readonly string[]): Promise<readonly (QueueState | undefined)[]> {
    const channel = await this.connection.openChannel();
    const states: (QueueState | undefined)[] = [];
    for (const queue of queues) {
      const state = await this.#state(channel, queue);
      states.push(state);
      if (!state) return states;
    }
    endChannel(channel);
    return states;
  }

  async #state(channel: Channel, queue: string): Promise<QueueState | undefined> {
    try {
      const late = (): Error => new Error(`no answer about "${queue}"`);
      const answer = await withDeadline(channel.checkQueue(queue), this.timeoutMs, late);
      return { messages: answer.messageCount, consumers: answer.consumerCount };
    } catch (error) {
      if (replyCodeOf(error) !== REPLY.notFound) throw error;
      const forMs = Math.min((this.#missing.get(queue)?.forMs ?? MISSING_MIN_MS / 2) * 2, MISSING_MAX_MS);
      this.#missing.set(queue, { until: this.clock.monotonic() + forMs, forMs });
      return undefined;
    }
  }
}
