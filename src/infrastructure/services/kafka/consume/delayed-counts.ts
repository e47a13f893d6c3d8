import type { Clock, Destination } from '../../../../core/messaging/ports/transport.js';

/** Times are counted together that are less than this apart, or less than a sixteenth of the delay. */
const STEP_MS = 250;

/**
 * How many messages wait for a group. They lie in topics that all groups share, where counting would mean reading them, so
 * this is what this process has put there and what is not due yet.
 */
export class DelayedCounts {
  /** Of each destination: how many are due at which time. */
  readonly #due = new Map<string, Map<number, number>>();

  constructor(private readonly clock: Clock) {}

  added(to: Destination, count: number, delayMs: number): void {
    const name = nameOf(to);
    const step = Math.max(STEP_MS, delayMs / 16);
    const at = Math.ceil((this.clock.now() + delayMs) / step) * step;
    let times = this.#due.get(name);
    if (!times) this.#due.set(name, (times = new Map<number, number>()));
    times.set(at, (times.get(at) ?? 0) + count);
    if (times.size > 64) this.#forgetPast(name, times);
  }

  /** For a group: what was published to its topic later, and what only it gets. */
  of({ topic, group }: Required<Destination>): number {
    return this.#count({ topic }) + this.#count({ topic, group });
  }

  #count(to: Destination): number {
    const name = nameOf(to);
    const times = this.#due.get(name);
    if (!times) return 0;
    this.#forgetPast(name, times);
    let count = 0;
    for (const waiting of times.values()) count += waiting;
    return count;
  }

  #forgetPast(name: string, times: Map<number, number>): void {
    const now = this.clock.now();
    for (const at of [...times.keys()]) if (at <= now) times.delete(at);
    if (times.size === 0) this.#due.delete(name);
  }
}

function nameOf({ topic, group }: Destination): string {
  return group === undefined ? topic : `${topic}/${group}`;
}
