import type { Clock, WireMessage } from '../../../../core/messaging/ports/transport.js';
import { Deque } from './deque.js';
import { DueQueue } from '../../../../core/messaging/transport-kit/due-queue.js';
import { MemoryGroup } from './memory-group.js';
import type { Held, Log } from './memory-handover.js';

/** The messages of one topic that some group has not been handed yet, and the groups. */
export class MemoryTopic implements Log {
  readonly groups = new Map<string, MemoryGroup>();
  readonly #log = new Deque<Held>();
  readonly #delayed: DueQueue<Held>;
  /** Sequence number of the first message in the log. */
  #first = 0;

  constructor(
    private readonly clock: Clock,
    private readonly onReleased: (held: Held) => void,
  ) {
    this.#delayed = new DueQueue(clock, (held) => this.#append(held));
  }

  /** The group, made on first sight. Only a group that has consumed gets what goes to the whole topic. */
  group(name: string): MemoryGroup {
    let group = this.groups.get(name);
    if (!group) {
      group = new MemoryGroup(this, this.clock, this.onReleased);
      this.groups.set(name, group);
    }
    return group;
  }

  /** From now on the group gets every message, beginning with the earliest that is still here. */
  join(group: MemoryGroup): void {
    if (group.next !== undefined) return;
    group.next = this.#first;
    for (let index = 0; index < this.#log.length; index++) {
      const held = this.#log.at(index);
      if (held) held.owners += 1;
    }
  }

  /** @param since the time now, on the monotonic clock. */
  publish(message: WireMessage, delayMs: number, since: number): void {
    const held: Held = { message, owners: 0, since };
    if (delayMs > 0) this.#delayed.add(held, delayMs);
    else this.#append(held);
  }

  /** The message with this number, or undefined when it has not been published yet. */
  at(sequence: number): Held | undefined {
    return this.#log.at(sequence - this.#first);
  }

  /** Number that the next message will have. */
  get end(): number {
    return this.#first + this.#log.length;
  }

  get delayed(): number {
    return this.#delayed.size;
  }

  /** Forgets what every group has been handed; handovers in flight keep those that are not settled yet. */
  trim(): void {
    let floor = Infinity;
    for (const { next } of this.groups.values()) if (next !== undefined && next < floor) floor = next;
    if (floor === Infinity) return;
    for (; this.#first < floor; this.#first++) this.#log.shift();
  }

  clear(): void {
    this.#delayed.clear();
    for (const group of this.groups.values()) group.clear();
  }

  #append(held: Held): void {
    this.#log.push(held);
    for (const group of this.groups.values()) {
      if (group.next === undefined) continue;
      held.owners += 1;
      group.wake();
    }
  }
}
