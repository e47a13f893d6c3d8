import type { Clock, Destination } from '../../../../core/messaging/ports/transport.js';
import type { ResourceNames } from './resource-names.js';

/** A queue in which messages wait. */
export interface WaitQueue {
  /** How long messages wait in it. */
  readonly levelMs: number;
  /** Since when it is known, on the clock that never jumps. */
  readonly knownSince: number;
}

/**
 * The queues in which messages wait, as far as this process knows them: those that it uses, and those from which something has
 * come to it. The publisher and the router write it; the sweep and the probe look after what is in it.
 */
export class WaitQueues {
  readonly #known = new Map<string, WaitQueue>();
  readonly #stuck = new Set<string>();

  constructor(
    private readonly names: ResourceNames,
    private readonly clock: Clock,
  ) {}

  /** Nothing came from these when it was last tried. */
  get stuck(): ReadonlySet<string> {
    return this.#stuck;
  }

  get known(): ReadonlyMap<string, WaitQueue> {
    return this.#known;
  }

  /** The process lets messages wait there. */
  uses(to: Destination, levelMs: number): void {
    const name = this.names.wait(to, levelMs);
    if (!this.#known.has(name)) this.#add(name, levelMs);
  }

  /** Something has come from there. */
  learns(queue: string): void {
    const levelMs = this.#known.has(queue) ? undefined : this.names.levelMsOf(queue);
    if (levelMs !== undefined) this.#add(queue, levelMs);
  }

  /** It was deleted. */
  forget(queue: string): void {
    this.#known.delete(queue);
    this.#stuck.delete(queue); // or it would be avoided for ever
  }

  /** Something was let wait there, and came or did not. */
  proved(queue: string, hasCome: boolean): void {
    if (hasCome) this.#stuck.delete(queue);
    else this.#stuck.add(queue);
  }

  #add(name: string, levelMs: number): void {
    this.#known.set(name, { levelMs, knownSince: this.clock.monotonic() });
  }
}
