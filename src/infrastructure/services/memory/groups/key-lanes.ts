import { Deque } from './deque.js';
import type { Handover } from './memory-handover.js';

/** Handovers of one group that may wait for others of their key; beyond, the messages behind them wait as well. */
const MAX_WAITING = 10_000;

/**
 * Lets one message of a key at a time pass.
 *
 * The lanes are the group's and not a consumer's, because the order has to hold while one consumer stops and another
 * takes over, and because what waits here is not in flight.
 */
export class KeyLanes {
  /** Handovers behind the one that has passed, by key. No entry: the key is free. No deque: none waits for it. */
  readonly #lanes = new Map<string, Deque<Handover> | undefined>();
  /** Handovers that may pass next. */
  readonly #next = new Deque<Handover>();
  #waiting = 0;

  /** Handovers that have entered and not passed. */
  get size(): number {
    return this.#waiting + this.#next.length;
  }

  get isFull(): boolean {
    return this.#waiting >= MAX_WAITING;
  }

  /** True when it may pass now; it holds its key until it leaves. Otherwise {@link next} returns it in its turn. */
  enter(handover: Handover): boolean {
    const { key } = handover.message;
    if (key === undefined) return true;
    const lane = this.#lanes.get(key);
    if (lane) lane.push(handover);
    else if (this.#lanes.has(key)) this.#lanes.set(key, startingWith(handover));
    else {
      handover.holdsKey = true;
      this.#lanes.set(key, undefined);
      return true;
    }
    this.#waiting += 1;
    return false;
  }

  /** Takes what waited and may pass now. */
  next(): Handover | undefined {
    return this.#next.shift();
  }

  /** What has passed is settled: the next of its key may pass. */
  leave(handover: Handover): void {
    const { key } = handover.message;
    if (!handover.holdsKey || key === undefined) return;
    handover.holdsKey = false;
    const next = this.#lanes.get(key)?.shift();
    if (!next) {
      this.#lanes.delete(key);
      return;
    }
    next.holdsKey = true; // before it is taken, or a later one of the key could overtake it
    this.#waiting -= 1;
    this.#next.push(next);
  }

  *[Symbol.iterator](): Iterator<Handover> {
    yield* this.#next;
    for (const lane of this.#lanes.values()) if (lane) yield* lane;
  }
}

function startingWith(handover: Handover): Deque<Handover> {
  const lane = new Deque<Handover>();
  lane.push(handover);
  return lane;
}
