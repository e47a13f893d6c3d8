import { createHash } from 'node:crypto';
import type { Destination } from '../../../../core/messaging/ports/transport.js';

/** AMQP names are short strings. */
const MAX_BYTES = 255;
const DIGEST_LENGTH = 32;

/**
 * Names of everything that the transport declares. Topics and groups contain neither "/" nor "~", which therefore separate
 * without ambiguity.
 */
export class ResourceNames {
  constructor(private readonly prefix: string) {}

  /** The exchange of a topic, or of one group of it. */
  exchange(to: Destination): string {
    return this.#place(to, '');
  }

  /** The queue of a group; of one that keeps the order of keys, its first. */
  queue({ topic, group }: Required<Destination>, partition = 0): string {
    return this.#place({ topic, group }, partition === 0 ? '' : `/${partition}`);
  }

  /** Where messages wait for so long on their way to the destination. */
  wait(to: Destination, levelMs: number): string {
    return this.#place(to, `/~wait.${levelMs}`);
  }

  /** How long messages wait in a queue; undefined for any other queue. */
  levelMsOf(queue: string): number | undefined {
    const level = /\/~wait\.(\d+)$/.exec(queue)?.[1];
    return level !== undefined && queue.startsWith(this.prefix) ? Number(level) : undefined;
  }

  /** What a process owns while it declares a queue for waiting, or without a level what a group needs. */
  lock(to: Destination, levelMs?: number): string {
    return this.#place(to, levelMs === undefined ? '/~lock' : `/~wait.${levelMs}/~lock`);
  }

  /** What a process owns while it takes queues that keep the order of keys. */
  shareLock(to: Required<Destination>): string {
    return this.#place(to, '/~members/~lock');
  }

  /** What each process that keeps the order of keys consumes, to be counted. Nothing is published there. */
  members(to: Required<Destination>): string {
    return this.#place(to, '/~members');
  }

  /** Where messages wait for the first group that wants them. */
  held(to: Destination): string {
    return this.#place(to, '/~held');
  }

  /** Exchange and queue of what has waited long enough, or of what the broker took out of a queue. */
  get due(): string {
    return `${this.prefix}~due`;
  }

  /** What a process owns while it tries queues for waiting. */
  get dueLock(): string {
    return `${this.due}/~lock`;
  }

  /** Where messages end up that somebody else has put into the queue of what is due. */
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

/** Keeps the start of a name that is too long, for people, and its digest, for uniqueness. */
function fitting(name: string, suffix: string): string {
  if (name.length + suffix.length <= MAX_BYTES) return name + suffix;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, DIGEST_LENGTH);
  return `${name.slice(0, MAX_BYTES - suffix.length - DIGEST_LENGTH - 1)}~${digest}${suffix}`;
}
