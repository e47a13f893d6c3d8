import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Destination } from '../../../../core/messaging/ports/transport.js';
import type { Message } from '../client/amqplib-client.js';
import { withReplyTimeout, endChannel } from '../connection/channel-calls.js';
import type { TransportServices } from '../watch/transport-services.js';
import { TOLERANCE, DELAY_LEVELS } from '../topology/delay-levels.js';
import { decode, probedIn } from '../wire/message-codec.js';
import { JitteredInterval } from '../watch/jittered-interval.js';
import type { WaitQueue } from '../topology/wait-queues.js';
import { restOfWaitMs, StalledQueues } from './stalled-queues.js';
import type { Taken } from './delay-router.js';

const CHECK_MS = 4_000;
/** How often a queue is checked that was empty, and one that was not: the next check may show that it is blocked. */
const EMPTY_MS = 10_000;
const HOLDING_MS = 5_000;
/** How often delay queues of other processes, which may be dead, are searched, and for how many destinations at a check. */
const SEARCH_MS = 3_600_000;
const SEARCH_BATCH_SIZE = 10;
/**
 * Routes messages that a delay queue should have dead-lettered and did not.
 *
 * Messages leave a delay queue in order, so one without a time to live blocks all behind it: see {@link withExclusiveLock}. Every
 * process checks the queues that it has used, those from which it has received messages, and those of the groups that it consumes.
 *
 * Only a queue whose depth has not decreased for longer than its messages wait is touched, which the clocks of processes do not
 * decide. How long a message has waited there, only the clocks say. Where they say what cannot be, it waits once more.
 */
export class OverdueSweeper {
  /** By name: when a queue is checked next, on the monotonic clock. */
  readonly #nextAt = new Map<string, number>();
  readonly #stalled = new StalledQueues();
  readonly #places = new Map<string, { readonly to: Destination; searchAt: number }>();
  readonly #interval: JitteredInterval;

  /** @param sendOn resolves with true once a message is confirmed elsewhere. */
  constructor(
    private readonly services: Pick<
      TransportServices,
      'connection' | 'topology' | 'queueDepths' | 'context' | 'waitQueues'
    >,
    private readonly sendOn: (message: Message, taken: Taken) => Promise<boolean>,
  ) {
    this.#interval = new JitteredInterval(services.context.clock, CHECK_MS, () => this.#check());
  }

  /** May be called several times, because several owners may connect a transport. */
  start(): void {
    this.#interval.start();
  }

  close(): void {
    this.#interval.end();
  }

  /** Adds a destination for which other processes may have delayed messages. */
  suspects(to: Destination): void {
    const name = this.services.topology.names.exchange(to);
    if (!this.#places.has(name)) this.#places.set(name, { to, searchAt: 0 });
  }

  async #check(): Promise<void> {
    const now = this.services.context.clock.monotonic();
    const unsearched = [...this.#places.values()].filter(({ searchAt }) => searchAt <= now);
    for (const place of unsearched.slice(0, SEARCH_BATCH_SIZE)) {
      await this.#search(place.to);
      place.searchAt = now + SEARCH_MS;
    }
    const { waitQueues, queueDepths } = this.services;
    const due = [...waitQueues.known].filter(([name, queue]) => this.#nextAtOf(name, queue) <= now);
    const states = await queueDepths.of(due.map(([name]) => name));
    for (const [index, [name, queue]] of due.entries()) {
      const state = states[index];
      this.#nextAt.set(name, now + everyMs(queue, state?.messages ? HOLDING_MS : EMPTY_MS));
      if (!state) {
        this.#nextAt.delete(name);
        this.#stalled.forget(name);
        waitQueues.forget(name);
      } else {
        const { levelMs } = queue;
        const stalledMs = this.#stalled.observe(name, { levelMs, messages: state.messages }, now);
        if (stalledMs !== undefined && !this.#interval.hasEnded) await this.#relieve(name, queue, stalledMs);
      }
    }
  }

  #nextAtOf(name: string, queue: WaitQueue): number {
    return this.#nextAt.get(name) ?? queue.knownSince + everyMs(queue, HOLDING_MS);
  }

  async #search(to: Destination): Promise<void> {
    const names = new Map(DELAY_LEVELS.map((level) => [this.services.topology.names.wait(to, level), level]));
    const asked = this.services.queueDepths.mayExist([...names.keys()]);
    const states = await this.services.queueDepths.of(asked);
    for (const [index, name] of asked.entries())
      if (states[index]) this.services.waitQueues.uses(to, names.get(name) ?? 0);
  }

  /**
   * Takes messages from the head until one has time left. That one is routed for its remaining time, too: to return it would put it
   * at the end, where it would wait the whole time again.
   */
  async #relieve(name: string, queue: WaitQueue, stalledMs: number): Promise<void> {
    this.#stalled.forget(name);
    const channel = await this.services.connection.openChannel();
    let relieved = 0;
    try {
      for (;;) {
        const head = await withReplyTimeout(channel.get(name));
        if (head === false) break;
        const restMs = this.#restMs(head, queue, stalledMs);
        if (!(await this.sendOn(head, { queue: name, restMs }))) break; // the broker requeues it when the channel is closed
        channel.ack(head);
        if (restMs > 0) break;
        if (probedIn(head) === undefined) relieved += 1;
      }
    } finally {
      if (relieved > 0) this.#report(name, relieved);
      endChannel(channel);
    }
  }

  #restMs(message: Message, queue: WaitQueue, stalledMs: number): number {
    const { delay } = decode(message);
    const nowMs = this.services.context.clock.now();
    // It may have been there for up to two checks before the first one.
    const maxOverdueMs = stalledMs + 2 * everyMs(queue, EMPTY_MS);
    return delay ? restOfWaitMs(delay, { nowMs, levelMs: queue.levelMs, maxOverdueMs }) : 0;
  }

  #report(queue: string, count: number): void {
    const text =
      `${this.services.connection.label} kept messages in the delay queue "${queue}" beyond their time: ${count} are delivered now, late. ` +
      'If this repeats for the same queue, delete the queue when it is empty (see docs/using/rabbitmq.md). It is declared again.';
    this.services.context.onEvent({
      type: 'error',
      error: new MessagingError('TRANSPORT_UNAVAILABLE', text),
    });
  }
}

/** How often a queue is checked. */
function everyMs({ levelMs }: WaitQueue, atLeastMs: number): number {
  return Math.max(atLeastMs, levelMs * TOLERANCE);
}
