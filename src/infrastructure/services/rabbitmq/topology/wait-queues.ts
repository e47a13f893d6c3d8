import type { Clock, Destination } from '../../../../core/messaging/ports/transport.js';
import type { ResourceNames } from './resource-names.js';

/** A delay queue. */
export interface WaitQueue {
  /** Message TTL of the queue. */
  readonly levelMs: number;
  /** Since when it is known, on the monotonic clock. */
  readonly knownSince: number;
}

/**
 * The delay queues that this process knows: those that it uses, and those from which it has received messages. The publisher
 * and the router add to it; the sweeper and the probe check the queues in it.
 */
export class WaitQueues {
  readonly #known = new Map<string, WaitQueue>();
  readonly #stuck = new Set<string>();

  constructor(
    private readonly names: ResourceNames,
    private readonly clock: Clock,
  ) {}

  /** Queues whose last probe did not arrive. */
  get stuck(): ReadonlySet<string> {
    return this.#stuck;
  }

  get known(): ReadonlyMap<string, WaitQueue> {
    return this.#known;
  }

  /** The process delays messages there. */
  uses(to: Destination, levelMs: number): void {
    const name = this.names.wait(to, levelMs);
    if (!this.#known.has(name)) this.#add(name, levelMs);
  }

  /** A message has arrived from there. */
  learns(queue: string): void {
    const levelMs = this.#known.has(queue) ? undefined : this.names.levelMsOf(queue);
    if (levelMs !== undefined) this.#add(queue, levelMs);
  }

  /** The queue was deleted. */
  forget(queue: string): void {
    this.#known.delete(queue);
    this.#stuck.delete(queue); // or a new one of the same name would be avoided
  }

  /** The result of a probe. */
  proved(queue: string, hasCome: boolean): void {
    if (hasCome) this.#stuck.delete(queue);
    else this.#stuck.add(queue);
  }

  #add(name: string, levelMs: number): void {
    this.#known.set(name, { levelMs, knownSince: this.clock.monotonic() });
  }
}
