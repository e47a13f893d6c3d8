import type { ConsumerChannel } from './consumer-channel.js';
import type { ConsumerServices } from './consumer-services.js';
import { NeglectedQueues } from './neglected-queues.js';

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
export class QueueShare {
  readonly #neglected = new NeglectedQueues();
  #cancel = (): void => undefined;
  #hasEnded = false;

  constructor(
    private readonly services: ConsumerServices,
    private readonly channel: ConsumerChannel,
    private readonly queues: readonly string[],
    private readonly members: string,
  ) {}

  /** Resolves once it has taken what is free. */
  async start(): Promise<void> {
    await this.channel.consume(this.members);
    await this.#balance();
    this.#lookLater();
  }

  end(): void {
    this.#hasEnded = true;
    this.#cancel();
  }

  /** A call, because it may have changed while something was waited for. */
  #goesOn(): boolean {
    return !this.#hasEnded;
  }

  #lookLater(): void {
    if (this.#hasEnded) return;
    this.#cancel = this.services.context.clock.schedule(LOOK_MS * (0.5 + Math.random()), () => {
      // What does not work now is done when the connection is back, or at the next look.
      this.#balance().then(
        () => this.#lookLater(),
        () => this.#lookLater(),
      );
    });
  }

  async #balance(): Promise<void> {
    const [members, ...states] = await this.services.depths.of([this.members, ...this.queues]);
    if (!this.#goesOn()) return;
    const share = Math.ceil(this.queues.length / Math.max(1, members?.consumers ?? 1));
    const { consumed } = this.channel;
    const seen = shuffled(
      this.queues.map((queue, at) => ({ queue, ...(states[at] ?? { messages: 0, consumers: 0 }) })),
    );
    const ours = seen.filter(({ queue }) => consumed.has(queue));
    const others = seen.filter(({ queue }) => !consumed.has(queue));
    this.#neglected.look(others, share);
    const contested = ours.filter((one) => this.#isContested(one));
    const kept = ours.filter((one) => !contested.includes(one) && !this.#neglected.isTaken(one.queue));
    for (const { queue } of [...contested, ...kept.slice(share)]) await this.channel.leave(queue);
    const free = others.filter(({ consumers }) => consumers === 0);
    const taken = free.slice(0, Math.max(0, share - kept.length)).map(({ queue }) => queue);
    for (const queue of new Set([...taken, ...this.#neglected.take()]))
      if (this.#goesOn()) await this.channel.consume(queue);
  }

  /** Two have taken it at the same moment, and this one seems to wait behind the other. */
  #isContested({ queue, consumers }: Seen): boolean {
    return consumers > 1 && !this.channel.hasServed(queue) && Math.random() < 0.5;
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
