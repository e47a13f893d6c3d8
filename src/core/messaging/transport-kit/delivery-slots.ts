import type { Subscription } from '../ports/transport.js';

/** Deliveries that may wait behind another of their key, as a multiple of the concurrency. */
const WAITING_FACTOR = 4;

interface Waiting<T> {
  readonly item: T;
  readonly key: string | undefined;
}

/**
 * The deliveries that one consumer has in flight: a ceiling on what runs, one lane a key where order is asked for, and
 * a way to wait until all of it is done.
 *
 * Shared by the transports, so that concurrency, per-key order and draining mean the same on all of them.
 */
export class DeliverySlots<T> {
  readonly #limit: number;
  readonly #keyed: boolean;
  readonly #run: (item: T, done: () => void) => void;
  readonly #onFree: () => void;
  /** Items behind the running one of their key. A key without a running or ready item has no lane. */
  readonly #lanes = new Map<string, T[]>();
  /** Items that hold their key and wait for a free slot only. */
  #ready: Waiting<T>[] = [];
  #running = 0;
  #waiting = 0;
  #isStarting = false;
  #idleWaiters: (() => void)[] = [];

  /**
   * @param run settles one item and then calls `done`, once. A callback, because a promise a message costs.
   * @param onFree called whenever an item is done, with `free` already raised.
   */
  constructor(
    subscription: Pick<Subscription, 'concurrency' | 'ordering'>,
    run: (item: T, done: () => void) => void,
    onFree: () => void,
  ) {
    this.#limit = subscription.concurrency;
    this.#keyed = subscription.ordering === 'key';
    this.#run = run;
    this.#onFree = onFree;
  }

  /** Items in flight, running or waiting. */
  get size(): number {
    return this.#running + this.#waiting;
  }

  /** How many more items may be offered now: up to the concurrency, and some more where keys make items wait. */
  get free(): number {
    return this.#limit * (this.#keyed ? 1 + WAITING_FACTOR : 1) - this.size;
  }

  /** Runs the item as soon as its key and the ceiling allow. */
  offer(item: T, key?: string): void {
    const laneKey = this.#keyed ? key : undefined;
    if (laneKey !== undefined) {
      const lane = this.#lanes.get(laneKey);
      if (lane) {
        lane.push(item);
        this.#waiting += 1;
        return;
      }
      this.#lanes.set(laneKey, []);
    }
    if (this.#running < this.#limit) {
      this.#start(item, laneKey);
    } else {
      this.#ready.push({ item, key: laneKey });
      this.#waiting += 1;
    }
  }

  /** Takes back everything that has not started, in order within each key: a consumer that stops must not run it. */
  withdraw(): T[] {
    const unstarted: T[] = [];
    for (const { item, key } of this.#ready) {
      unstarted.push(item);
      if (key === undefined) continue;
      unstarted.push(...(this.#lanes.get(key) ?? []));
      this.#lanes.delete(key); // no item of this key runs, so nothing would ever advance the lane
    }
    for (const lane of this.#lanes.values()) unstarted.push(...lane.splice(0));
    this.#ready = [];
    this.#waiting = 0;
    if (this.size === 0) this.#announceIdle();
    return unstarted;
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #start(item: T, key: string | undefined): void {
    this.#running += 1;
    this.#run(item, key === undefined ? this.#finishedUnkeyed : () => this.#finished(key));
  }

  readonly #finishedUnkeyed = (): void => this.#finished(undefined);

  #finished(key: string | undefined): void {
    this.#running -= 1;
    if (key !== undefined) this.#advanceLane(key);
    this.#startReady();
    if (this.size === 0) this.#announceIdle();
    this.#onFree();
  }

  #startReady(): void {
    if (this.#isStarting) return; // an item is done before its start has returned: the loop below continues, so that the stack does not grow
    this.#isStarting = true;
    try {
      while (this.#running < this.#limit) {
        const next = this.#ready.shift();
        if (!next) break;
        this.#waiting -= 1;
        this.#start(next.item, next.key);
      }
    } finally {
      this.#isStarting = false;
    }
  }

  #advanceLane(key: string): void {
    const next = this.#lanes.get(key)?.shift();
    if (next === undefined) this.#lanes.delete(key);
    else this.#ready.push({ item: next, key });
  }

  #announceIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
