import type { Backlog, Clock, WireMessage } from '../../../core/messaging/transport.js';
import { LinkedSet } from '../../../core/messaging/transport-kit/linked-set.js';
import { Deque } from './deque.js';
import { DueQueue } from './due-queue.js';
import { Handover, type Held, type Log, type Receiver } from './memory-handover.js';

/** One group's share of a topic: where it is in the log, what comes back to it, and who consumes. */
export class MemoryGroup {
  /** Sequence number of the next message of the log. Undefined until the group has consumed for the first time. */
  next: number | undefined;
  readonly inHand = new LinkedSet<Handover>();
  readonly #returned = new Deque<Handover>();
  readonly #due: DueQueue<Handover>;
  readonly #consumers: Receiver[] = [];
  /** Who has messages of a key in hand: while there are any, the next of that key goes there as well. */
  readonly #keyOwners = new Map<string, { readonly consumer: Receiver; inHand: number }>();
  #turn = 0;
  #isAwake = false;

  constructor(
    private readonly topic: Log,
    private readonly clock: Clock,
    private readonly onReleased: (held: Held) => void,
  ) {
    this.#due = new DueQueue(clock, (handover) => {
      this.#returned.push(handover);
      this.wake();
    });
  }

  /** A message for this group only. */
  direct(message: WireMessage, delayMs: number): void {
    const held = { message, owners: 1, since: this.clock.monotonic() };
    this.comeBack(new Handover(held, message, 1), delayMs);
  }

  /** Hands it over again, after the delay, ahead of the log. */
  comeBack(handover: Handover, delayMs: number): void {
    if (delayMs > 0) {
      this.#due.add(handover, delayMs);
      return;
    }
    this.#returned.push(handover);
    this.wake();
  }

  /** Puts back what was taken and not begun, in front, in its order. */
  putBack(handovers: readonly Handover[]): void {
    for (const handover of handovers.toReversed()) {
      this.settled(handover);
      this.#returned.unshift(handover);
    }
    this.wake();
  }

  /** The handover is in nobody's hands any more. */
  settled(handover: Handover): void {
    this.inHand.delete(handover);
    const { key } = handover.message;
    const owner = key === undefined ? undefined : this.#keyOwners.get(key);
    if (key !== undefined && owner && --owner.inHand === 0) this.#keyOwners.delete(key);
  }

  /** The group is done with the message. */
  release(handover: Handover): void {
    handover.held.owners -= 1;
    if (handover.held.owners === 0) this.onReleased(handover.held);
  }

  attach(consumer: Receiver): void {
    this.#consumers.push(consumer);
    this.wake();
  }

  detach(consumer: Receiver): void {
    const index = this.#consumers.indexOf(consumer);
    if (index >= 0) this.#consumers.splice(index, 1);
  }

  /** Hands out messages at the end of this turn: a publisher must not find itself inside a handler. */
  wake(): void {
    if (this.#isAwake || this.#consumers.length === 0) return;
    this.#isAwake = true;
    queueMicrotask(() => {
      this.#isAwake = false;
      this.#handOut();
    });
  }

  backlog(): Backlog {
    const unread = this.next === undefined ? 0 : this.topic.end - this.next;
    const ages = [...this.inHand, ...this.#due, ...this.#first()].map((handover) => handover.held.since);
    const oldest = Math.min(
      ...ages,
      (this.next !== undefined && this.topic.at(this.next)?.since) || Infinity,
    );
    return {
      ready: unread + this.#returned.length,
      inFlight: this.inHand.size,
      delayed: this.#due.size + (this.next === undefined ? 0 : this.topic.delayed),
      ...(oldest < Infinity && { oldestAgeMs: this.clock.monotonic() - oldest }),
    };
  }

  clear(): void {
    this.#due.clear();
  }

  *#first(): Iterable<Handover> {
    const first = this.#returned.at(0);
    if (first) yield first;
  }

  #handOut(): void {
    for (let consumer = this.#freeConsumer(); consumer; consumer = this.#freeConsumer()) {
      const handover = this.#take();
      if (!handover) break;
      this.inHand.add(handover);
      this.#ownerOf(handover, consumer).offer(handover);
    }
    this.topic.trim();
  }

  #ownerOf({ message: { key } }: Handover, free: Receiver): Receiver {
    if (key === undefined || !free.isKeyed) return free;
    const owner = this.#keyOwners.get(key) ?? { consumer: free, inHand: 0 };
    owner.inHand += 1;
    this.#keyOwners.set(key, owner);
    return owner.consumer;
  }

  #take(): Handover | undefined {
    const returned = this.#returned.shift();
    if (returned) return returned;
    const held = this.next === undefined ? undefined : this.topic.at(this.next);
    if (!held || this.next === undefined) return undefined;
    this.next += 1;
    return new Handover(held, held.message, 1);
  }

  /** Takes turns among those that have a slot free. */
  #freeConsumer(): Receiver | undefined {
    const count = this.#consumers.length;
    for (let step = 0; step < count; step++) {
      const consumer = this.#consumers[(this.#turn + step) % count];
      if (consumer && consumer.free > 0) {
        this.#turn = (this.#turn + step + 1) % count;
        return consumer;
      }
    }
    return undefined;
  }
}
