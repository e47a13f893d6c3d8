import { createHash } from 'node:crypto';
import type { Destination } from '../../../../core/messaging/ports/transport.js';

/** AMQP names are short strings. */
const MAX_BYTES = 255;
const DIGEST_LENGTH = 32;
/** A name without the prefix: topic and group, and the suffix that names its role. */
const OF_TOPIC = /^(.+?)(?:\/~(wait)\.\d+|\/~(held|groups))?$/;
const SHORTENED = /~[0-9a-f]{32}(?:\/\d+)?$/;

/** What a queue of ours is for. */
type QueueRole = 'group' | 'wait' | 'held' | 'groups' | 'due' | 'unroutable';

/** A queue of ours, by its name. */
export interface QueuePlace {
  readonly role: QueueRole;
  /** Absent when the name is shortened to a digest, or the queue belongs to no topic. */
  readonly to?: Destination;
}

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

  /** Keeps messages of a newer version that a process without knowledge of the format has found in a queue of the group. */
  newer(to: Required<Destination>, format: number): string {
    return this.#place(to, `/~newer.${format}`);
  }

  /** As {@link newer}, of those that were due. */
  newerDue(format: number): string {
    return `${this.due}/~newer.${format}`;
  }

  /** Lock for the declaration of a delay queue, or without a level of a topic or of the queues of a group. */
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

  /** Keeps the list of the groups that have consumed a topic. */
  groups({ topic }: Destination): string {
    return this.#place({ topic }, '/~groups');
  }

  /** Exchange in which a changed group is announced to every process, and the start of the name of the queue with which a process listens. */
  get groupChanges(): string {
    return `${this.prefix}~group-changes`;
  }

  /** What a queue is for; undefined for a foreign one. */
  placeOf(queue: string): QueuePlace | undefined {
    if (queue === this.due) return { role: 'due' };
    if (queue === this.unroutable) return { role: 'unroutable' };
    if (!queue.startsWith(this.prefix)) return undefined;
    const [, body = '', wait, other] = OF_TOPIC.exec(queue.slice(this.prefix.length)) ?? [];
    const role = (wait ?? other ?? 'group') as QueueRole;
    if (SHORTENED.test(body)) return { role };
    const to = destinationOf(body, role);
    return to && { role, to };
  }

  /** Queue of a process for the replies to its requests. */
  inbox(id: string): string {
    return `${this.prefix}~inbox.${id}`;
  }

  /** Whether a queue could be an inbox of this transport: replies go nowhere else, whatever a request asks for. */
  isInbox(queue: string): boolean {
    return queue.startsWith(`${this.prefix}~inbox.`);
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

/** Topic and group of a name without its suffix; undefined for any other text. */
function destinationOf(body: string, role: QueueRole): Destination | undefined {
  const [, topic, group, partition] = /^([^/~]+)(?:\/([^/~]+)(?:\/(\d+))?)?$/.exec(body) ?? [];
  if (topic === undefined || (partition !== undefined && role !== 'group')) return undefined;
  if (group !== undefined) return { topic, group };
  return role === 'group' ? undefined : { topic };
}

/** Shortens a name that is too long to its readable start and a digest. */
function fitting(name: string, suffix: string): string {
  if (name.length + suffix.length <= MAX_BYTES) return name + suffix;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, DIGEST_LENGTH);
  return `${name.slice(0, MAX_BYTES - suffix.length - DIGEST_LENGTH - 1)}~${digest}${suffix}`;
}
