import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Destination } from '../../../../core/messaging/ports/transport.js';
import type { Message } from '../client/amqplib-client.js';
import { withReplyTimeout, endChannel } from '../connection/channel-calls.js';
import type { TransportServices } from '../watch/transport-services.js';
import { TOLERANCE, DELAY_LEVELS } from '../topology/delay-levels.js';
import { decode, probedIn } from '../wire/message-codec.js';
import { JitteredInterval } from '../watch/jittered-interval.js';
import type { WaitQueue } from '../topology/wait-queues.js';

const LOOK_MS = 10_000;
/** Queues of other processes, which may have died since, are looked for so often, and for so many destinations at a look. */
const SEARCH_MS = 3_600_000;
const SEARCHED_AT_A_LOOK = 10;
/** A healthy queue and the way to here take less. */
const GRACE_MS = 5_000;

/**
 * Sends on what a queue for waiting should have handed out and did not.
 *
 * Messages leave such a queue in turn, so that one without an end holds up all behind it: see {@link withExclusiveLock}. Every process
 * looks at the queues that it has used, at those from which something has come to it, and at those of the groups that it consumes.
 */
export class OverdueSweeper {
  /** By name: when a queue is looked at next, on the clock that never jumps. */
  readonly #nextAt = new Map<string, number>();
  readonly #places = new Map<string, { readonly to: Destination; searchAt: number }>();
  readonly #looks: JitteredInterval;

  /** @param sendOn resolves with true once a message is safe elsewhere. */
  constructor(
    private readonly services: Pick<
      TransportServices,
      'connection' | 'topology' | 'depths' | 'context' | 'waitQueues'
    >,
    private readonly sendOn: (message: Message) => Promise<boolean>,
  ) {
    this.#looks = new JitteredInterval(services.context.clock, LOOK_MS, () => this.#look());
  }

  /** Several owners may connect a transport. */
  start(): void {
    this.#looks.start();
  }

  close(): void {
    this.#looks.end();
  }

  /** Other processes may let messages wait on their way to there. */
  suspects(to: Destination): void {
    const name = this.services.topology.names.exchange(to);
    if (!this.#places.has(name)) this.#places.set(name, { to, searchAt: 0 });
  }

  async #look(): Promise<void> {
    const now = this.services.context.clock.monotonic();
    const unsearched = [...this.#places.values()].filter(({ searchAt }) => searchAt <= now);
    for (const place of unsearched.slice(0, SEARCHED_AT_A_LOOK)) {
      await this.#search(place.to);
      place.searchAt = now + SEARCH_MS;
    }
    const { waitQueues, depths } = this.services;
    const due = [...waitQueues.known].filter(([name, queue]) => this.#nextAtOf(name, queue) <= now);
    const states = await depths.of(due.map(([name]) => name));
    for (const [index, [name, queue]] of due.entries()) {
      this.#nextAt.set(name, now + everyMs(queue));
      const state = states[index];
      if (!state) {
        this.#nextAt.delete(name);
        waitQueues.forget(name);
      } else if (state.messages > 0 && !this.#looks.hasEnded) await this.#relieve(name);
    }
  }

  #nextAtOf(name: string, queue: WaitQueue): number {
    return this.#nextAt.get(name) ?? queue.knownSince + everyMs(queue);
  }

  async #search(to: Destination): Promise<void> {
    const names = new Map(DELAY_LEVELS.map((level) => [this.services.topology.names.wait(to, level), level]));
    const asked = this.services.depths.mayBeThere([...names.keys()]);
    const states = await this.services.depths.of(asked);
    for (const [index, name] of asked.entries())
      if (states[index]) this.services.waitQueues.uses(to, names.get(name) ?? 0);
  }

  /**
   * Takes messages from its head until one has time left. That one is sent on for what is left, too: to give it back would put it at
   * the end, where it would wait as long again.
   */
  async #relieve(queue: string): Promise<void> {
    const channel = await this.services.connection.openChannel();
    let relieved = 0;
    try {
      for (;;) {
        const head = await withReplyTimeout(channel.get(queue));
        if (head === false) break;
        if (!(await this.sendOn(head))) break; // it comes back when the channel is closed
        channel.ack(head);
        if (!this.#isOverdue(head)) break;
        relieved += 1;
      }
    } finally {
      if (relieved > 0) this.#tell(queue, relieved);
      endChannel(channel);
    }
  }

  #isOverdue(message: Message): boolean {
    if (probedIn(message) !== undefined) return false;
    const { dueAt, delayMs } = decode(message).delay ?? { dueAt: 0, delayMs: 0 };
    return this.services.context.clock.now() > dueAt + delayMs * TOLERANCE + GRACE_MS;
  }

  #tell(queue: string, count: number): void {
    const text =
      `${this.services.connection.label} held messages in the queue "${queue}" for longer than it was to: ${count} of them are sent on now, late. ` +
      'Should it happen again with the same queue, delete it when nothing is in it; docs/using/rabbitmq.md says how to see that. It is declared anew.';
    this.services.context.onEvent({
      type: 'error',
      error: new MessagingError('TRANSPORT_UNAVAILABLE', text),
    });
  }
}

/** How often a queue is looked at. */
function everyMs({ levelMs }: WaitQueue): number {
  return Math.max(LOOK_MS, levelMs * TOLERANCE);
}
