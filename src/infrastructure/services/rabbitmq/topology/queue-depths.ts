import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { Channel } from '../client/amqplib-client.js';
import { endChannel } from '../connection/channel-calls.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import { REPLY, replyCodeOf } from '../client/rabbitmq-errors.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';

/**
 * A missing queue is not checked again for this long, unless this process declares it; the time doubles, because each such check
 * closes a channel and logs an error on the broker.
 */
const MISSING_MIN_MS = 30_000;
const MISSING_MAX_MS = 600_000;

/** Ready messages, and consumers of all processes. */
export interface QueueState {
  readonly messages: number;
  readonly consumers: number;
}

/** Reads the depth of queues without the management plugin. */
export class QueueDepths {
  /** By queue: until when it counts as missing, on the monotonic clock, and for how long. */
  readonly #missing = new Map<string, { readonly until: number; readonly forMs: number }>();

  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly timeoutMs: number,
    private readonly clock: Clock,
  ) {}

  /** The queue is there, or another process may have declared it meanwhile: it is checked again. */
  expect(queue: string): void {
    this.#missing.delete(queue);
  }

  /** Ready messages of all the queues together; missing queues count as empty. */
  async sum(queues: readonly string[]): Promise<number> {
    const states = await this.of(this.mayExist(queues));
    return states.reduce((sum, state) => sum + (state?.messages ?? 0), 0);
  }

  /**
   * Queues that are not known to be missing.
   *
   * @param maxMs longest time for which one counts as missing.
   */
  mayExist(queues: readonly string[], maxMs = MISSING_MAX_MS): readonly string[] {
    const now = this.clock.monotonic();
    return queues.filter((queue) => {
      const missing = this.#missing.get(queue);
      return missing === undefined || missing.until - Math.max(0, missing.forMs - maxMs) <= now;
    });
  }

  /** The current state of each, also of queues that another process has just declared; undefined for missing queues. */
  async of(queues: readonly string[]): Promise<readonly (QueueState | undefined)[]> {
    const states: (QueueState | undefined)[] = [];
    while (states.length < queues.length)
      states.push(...(await this.#untilMissing(queues.slice(states.length))));
    return states;
  }

  /** A check of a missing queue closes the channel. */
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
      const late = (): Error => new Error(`no reply to a check of "${queue}"`);
      const reply = await withDeadline(channel.checkQueue(queue), this.timeoutMs, late);
      return { messages: reply.messageCount, consumers: reply.consumerCount };
    } catch (error) {
      if (replyCodeOf(error) !== REPLY.notFound) throw error;
      const forMs = Math.min((this.#missing.get(queue)?.forMs ?? MISSING_MIN_MS / 2) * 2, MISSING_MAX_MS);
      this.#missing.set(queue, { until: this.clock.monotonic() + forMs, forMs });
      return undefined;
    }
  }
}
