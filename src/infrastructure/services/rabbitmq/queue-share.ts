import type { ConsumerChannel } from './consumer-channel.js';
import type { ConsumerServices } from './consumer-services.js';

/** How often the share is looked at; a dead process's queues are taken over about so much later. */
const LOOK_MS = 1_000;

/**
 * Which of a group's ordered queues this process consumes: an equal share of them.
 *
 * That each queue has one active consumer is the broker's business, and order depends on nothing else. But the broker would
 * leave all queues to the process that came first. So every process consumes a queue on which nothing is ever published, to be
 * counted; takes queues that nobody consumes, up to its share; and leaves what it has beyond.
 */
export class QueueShare {
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
    const [members = 1, ...counts] = await this.services.depths.consumers([this.members, ...this.queues]);
    if (!this.#goesOn()) return;
    const share = Math.ceil(this.queues.length / Math.max(1, members));
    const { consumed } = this.channel;
    const isOurs = (queue: string): boolean => consumed.has(queue);
    const countOf = (queue: string): number => counts[this.queues.indexOf(queue)] ?? 0;
    const ours = shuffled(this.queues.filter(isOurs));
    // Two have taken it at the same moment, and one of them waits behind the other.
    const contested = ours.filter((queue) => countOf(queue) > 1 && Math.random() < 0.5);
    const kept = ours.filter((queue) => !contested.includes(queue));
    for (const queue of [...contested, ...kept.slice(share)]) await this.channel.leave(queue);
    const free = shuffled(this.queues.filter((queue) => !isOurs(queue) && countOf(queue) === 0));
    for (const queue of free.slice(0, Math.max(0, share - kept.length)))
      if (this.#goesOn()) await this.channel.consume(queue);
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
