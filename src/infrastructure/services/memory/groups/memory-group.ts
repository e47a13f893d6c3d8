import { atEndOfTurn } from '../../../../core/messaging/ports/clock.js';
import type { Backlog, Clock, WireMessage } from '../../../../core/messaging/ports/transport.js';
import { LinkedSet } from '../../../../core/messaging/transport-kit/linked-set.js';
import { Deque } from './deque.js';
import { DueQueue } from '../../../../core/messaging/transport-kit/due-queue.js';
import { Handover, type Held, type Log, type Receiver } from './memory-handover.js';
import { KeyLanes } from './key-lanes.js';

/** One group's share of a topic: its position in the log, its retries, and its consumers. */
export class MemoryGroup {
  /** Sequence number of the next message of the log. Undefined until the group has consumed for the first time. */
  next: number | undefined;
  readonly inFlight = new LinkedSet<Handover>();
  readonly #returned = new Deque<Handover>();
  readonly #lanes = new KeyLanes();
  readonly #due: DueQueue<Handover>;
  readonly #consumers: Receiver[] = [];
  #isKeyed = false;
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

  /** The handover is no longer in flight. */
  settled(handover: Handover): void {
    this.inFlight.delete(handover);
    this.#lanes.leave(handover);
  }

  /** The group is done with the message. */
  release(handover: Handover): void {
    handover.held.owners -= 1;
    if (handover.held.owners === 0) this.onReleased(handover.held);
  }

  attach(consumer: Receiver): void {
    this.#consumers.push(consumer);
    this.#isKeyed ||= consumer.isKeyed;
    this.wake();
  }

  detach(consumer: Receiver): void {
    const index = this.#consumers.indexOf(consumer);
    if (index >= 0) this.#consumers.splice(index, 1);
    this.#isKeyed = this.#consumers.some(({ isKeyed }) => isKeyed);
  }

  /** Delivers messages at the end of this turn: a publisher must not find itself inside a handler. */
  wake(): void {
    if (this.#isAwake || this.#consumers.length === 0) return;
    this.#isAwake = true;
    atEndOfTurn(() => {
      this.#isAwake = false;
      this.#deliver();
    });
  }

  backlog(): Backlog {
    const unread = this.next === undefined ? 0 : this.topic.end - this.next;
    const oldest = this.#oldest();
    return {
      ready: unread + this.#returned.length + this.#lanes.size,
      inFlight: this.inFlight.size,
      delayed: this.#due.size + (this.next === undefined ? 0 : this.topic.delayed),
      ...(oldest < Infinity && { oldestAgeMs: this.clock.monotonic() - oldest }),
    };
  }

  clear(): void {
    this.#due.clear();
  }

  /** Looks at everything but the log, which is in its order already. */
  #oldest(): number {
    const unread = this.next === undefined ? undefined : this.topic.at(this.next);
    let oldest = unread?.since ?? Infinity;
    for (const handovers of [this.inFlight, this.#due, this.#returned, this.#lanes])
      for (const { held } of handovers) if (held.since < oldest) oldest = held.since;
    return oldest;
  }

  #deliver(): void {
    for (let consumer = this.#freeConsumer(); consumer; consumer = this.#freeConsumer()) {
      const handover = this.#take();
      if (!handover) break;
      this.inFlight.add(handover);
      consumer.offer(handover);
    }
    this.topic.trim();
  }

  #take(): Handover | undefined {
    const first = this.#lanes.next();
    if (first) return first;
    while (!this.#lanes.isFull) {
      const handover = this.#returned.shift() ?? this.#fromLog();
      if (!handover || !this.#isKeyed || this.#lanes.enter(handover)) return handover;
    }
    return undefined;
  }

  #fromLog(): Handover | undefined {
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
