import { createHash } from 'node:crypto';
import type { Destination } from '../../../../core/messaging/ports/transport.js';

/** AMQP names are short strings. */
const MAX_BYTES = 255;
const DIGEST_LENGTH = 32;

/**
 * Names of all exchanges and queues of the transport. Topics and groups contain neither "/" nor "~", so these separate the
 * parts without ambiguity.
 */
export class ResourceNames {
  constructor(private readonly prefix: string) {}

  /** The exchange of a topic, or of one group of it. */
  exchange(to: Destination): string {
    return this.#place(to, '');
  }

  /** The queue of a group; with order by key, one of its partitions. */
  queue({ topic, group }: Required<Destination>, partition = 0): string {
    return this.#place({ topic, group }, partition === 0 ? '' : `/${partition}`);
  }

  /** The delay queue of a level for a destination. */
  wait(to: Destination, levelMs: number): string {
    return this.#place(to, `/~wait.${levelMs}`);
  }

  /** The level of a delay queue; undefined for any other queue. */
  levelMsOf(queue: string): number | undefined {
    const level = /\/~wait\.(\d+)$/.exec(queue)?.[1];
    return level !== undefined && queue.startsWith(this.prefix) ? Number(level) : undefined;
  }

  /** Lock for the declaration of a delay queue, or without a level of the queues of a group. */
  lock(to: Destination, levelMs?: number): string {
    return this.#place(to, levelMs === undefined ? '/~lock' : `/~wait.${levelMs}/~lock`);
  }

  /** Lock for taking queues of a group with order by key. */
  shareLock(to: Required<Destination>): string {
    return this.#place(to, '/~members/~lock');
  }

  /** Consumed by each process of a group with order by key, to be counted. Nothing is published there. */
  members(to: Required<Destination>): string {
    return this.#place(to, '/~members');
  }

  /** Keeps messages while no group is bound. */
  held(to: Destination): string {
    return this.#place(to, '/~held');
  }

  /** Exchange and queue of messages that the broker dead-letters: due ones of delay queues, and those that it removed from a group. */
  get due(): string {
    return `${this.prefix}~due`;
  }

  /** Lock for probing delay queues. */
  get dueLock(): string {
    return `${this.due}/~lock`;
  }

  /** Keeps foreign messages that arrived in the due queue. */
  get unroutable(): string {
    return `${this.prefix}~unroutable`;
  }

  get ping(): string {
    return `${this.prefix}~ping`;
  }

  #place({ topic, group }: Destination, suffix: string): string {
    return fitting(this.prefix + topic + (group === undefined ? '' : `/${group}`), suffix);
  }
}

/** Shortens a name that is too long to its readable start and a digest. */
function fitting(name: string, suffix: string): string {
  if (name.length + suffix.length <= MAX_BYTES) return name + suffix;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, DIGEST_LENGTH);
  return `${name.slice(0, MAX_BYTES - suffix.length - DIGEST_LENGTH - 1)}~${digest}${suffix}`;
}
