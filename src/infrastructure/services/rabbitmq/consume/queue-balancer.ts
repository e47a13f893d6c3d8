import { shuffled } from '../../../../core/messaging/transport-kit/shuffle.js';
import type { Destination } from '../../../../core/messaging/ports/transport.js';
import type { ConsumerChannel } from './consumer-channel.js';
import type { TransportServices } from '../watch/transport-services.js';
import { withExclusiveLock } from '../connection/exclusive-lock.js';
import { UnservedQueues } from './unserved-queues.js';
import { JitteredInterval } from '../watch/jittered-interval.js';

/** How often the share is looked at; a dead process's queues are taken over about so much later. */
const LOOK_MS = 1_000;

/** A queue of the group, at a look. */
interface Seen {
  readonly queue: string;
  readonly messages: number;
  readonly consumers: number;
}

/**
 * Which of a group's ordered queues this process consumes: an equal share of them.
 *
 * That each queue has one active consumer is the broker's business, and order depends on nothing else. But the broker would
 * leave all queues to the process that came first. So every process consumes a queue on which nothing is ever published, to be
 * counted; takes queues that nobody consumes, up to its share; and leaves what it has beyond.
 *
 * The broker may count consumers that are gone, when its nodes lost each other or died together. So a process also takes queues that
 * nobody seems to serve, whatever its share.
 */
export class QueueBalancer {
  readonly #unserved = new UnservedQueues();
  readonly #members: string;
  readonly #looks: JitteredInterval;

  constructor(
    private readonly services: TransportServices,
    private readonly channel: ConsumerChannel,
    private readonly queues: readonly string[],
    private readonly of: Required<Destination>,
  ) {
    this.#members = services.topology.names.members(of);
    this.#looks = new JitteredInterval(services.context.clock, LOOK_MS, () => this.#balance());
  }

  /** Resolves once it has taken what is free. */
  async start(): Promise<void> {
    await this.channel.consume(this.#members);
    await this.#balance();
    this.#looks.start();
  }

  end(): void {
    this.#looks.end();
  }

  /** A call, because it may have changed while something was waited for. */
  #goesOn(): boolean {
    return !this.#looks.hasEnded;
  }

  async #balance(): Promise<void> {
    const [members, ...states] = await this.services.depths.of([this.#members, ...this.queues]);
    if (!this.#goesOn()) return;
    const share = Math.ceil(this.queues.length / Math.max(1, members?.consumers ?? 1));
    const { consumed } = this.channel;
    const seen = shuffled(
      this.queues.map((queue, at) => ({ queue, ...(states[at] ?? { messages: 0, consumers: 0 }) })),
    );
    const ours = seen.filter(({ queue }) => consumed.has(queue));
    const others = seen.filter(({ queue }) => !consumed.has(queue));
    this.#unserved.look(others, share);
    for (const { queue } of ours.filter((one) => this.#isContested(one))) await this.channel.leave(queue);
    const counted = ours.map(({ queue }) => queue).filter((queue) => this.#counts(queue));
    const missing = share - counted.filter((queue) => !this.channel.isLeaving(queue)).length;
    if (missing <= 0) await this.#leave(counted, -missing);
    else {
      const kept = this.#keep(counted, missing);
      const free = others.filter(({ consumers }) => consumers === 0).map(({ queue }) => queue);
      await this.#takeAlone(free, missing - kept);
    }
    await this.#take(this.#unserved.take().filter((queue) => !consumed.has(queue)));
  }

  /** What was taken because nobody served it is on top of the share. */
  #counts(queue: string): boolean {
    return this.channel.consumed.has(queue) && !this.#unserved.isTaken(queue);
  }

  /**
   * A quorum queue counts who has ended for as long as something of it is in hand there, so that nobody takes it before. A classic one
   * does not: it is left once its next message is settled, because only then nothing of it can be on the way here.
   */
  async #leave(counted: readonly string[], tooMany: number): Promise<void> {
    const staying = counted.filter((queue) => !this.channel.isLeaving(queue));
    for (const queue of staying.slice(0, tooMany))
      if (this.services.options.queueType === 'quorum') await this.channel.leave(queue);
      else this.channel.leaveNext(queue);
  }

  /** Of those that it was about to leave. Returns how many. */
  #keep(counted: readonly string[], missing: number): number {
    const again = counted.filter((queue) => this.channel.isLeaving(queue)).slice(0, missing);
    for (const queue of again) this.channel.keep(queue);
    return again.length;
  }

  /**
   * The broker does not count those who wait behind the active consumer of a quorum queue (seen with 3.10.8). So two that took the
   * same queue at once would both have it in their share for ever, one of them for nothing: they take turns in taking.
   *
   * https://github.com/rabbitmq/rabbitmq-server/pull/16185 is about the same count, in 2026.
   */
  async #takeAlone(free: readonly string[], count: number): Promise<void> {
    if (free.length === 0 || count <= 0) return;
    const { connection, depths, topology } = this.services;
    await withExclusiveLock(connection, topology.names.shareLock(this.of), async () => {
      const states = await depths.of(free);
      const still = free.filter((_, at) => states[at]?.consumers === 0);
      await this.#take(still.slice(0, count));
    });
  }

  async #take(queues: readonly string[]): Promise<void> {
    for (const queue of queues) if (this.#goesOn()) await this.channel.consume(queue);
  }

  /** Two have taken it at the same moment, and this one seems to wait behind the other. */
  #isContested({ queue, consumers }: Seen): boolean {
    return consumers > 1 && !this.channel.hasServed(queue) && Math.random() < 0.5;
  }
}
