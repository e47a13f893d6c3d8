import type { Backlog, Clock, OnDelivery, Subscription } from 'switchyard';
import type { Place } from './journal.js';

/** One message that a group has not settled. Its bytes stay in the journal. */
export interface Entry {
  /** Of the message, the same in every group. */
  readonly number: number;
  readonly place: Place;
  readonly key: string | undefined;
  /** By the monotonic clock. */
  readonly publishedAt: number;
  attempt: number;
  /** Laid over those of the message. */
  headers: Readonly<Record<string, string>>;
}

export interface QueueConsumer {
  readonly subscription: Subscription;
  readonly onDelivery: OnDelivery;
  readonly running: Set<Promise<void>>;
}

/** What one group of a topic has not settled: ready, in flight or waiting for its time. */
export class GroupQueue {
  readonly consumers: QueueConsumer[] = [];
  readonly #ready: Entry[] = [];
  readonly #inFlight = new Set<Entry>();
  readonly #delayed = new Map<Entry, () => void>();

  /** @param deliver hands an entry to a consumer; it calls {@link settled} or {@link add} at its end. */
  constructor(
    private readonly clock: Clock,
    private readonly deliver: (entry: Entry, consumer: QueueConsumer) => Promise<void>,
  ) {}

  /** A new entry, or one that is retried. */
  add(entry: Entry, delayMs: number): void {
    this.#inFlight.delete(entry);
    if (delayMs <= 0) this.#ready.push(entry);
    else {
      const cancel = this.clock.schedule(delayMs, () => {
        this.#delayed.delete(entry);
        this.#ready.push(entry);
        this.dispatch();
      });
      this.#delayed.set(entry, cancel);
    }
    this.dispatch();
  }

  settled(entry: Entry): void {
    this.#inFlight.delete(entry);
    this.dispatch();
  }

  /** Fills the free slots of all consumers, one after the other, so that none gets everything. */
  dispatch(): void {
    for (let found = true; found;) {
      found = false;
      for (const consumer of this.consumers) {
        if (consumer.running.size >= consumer.subscription.concurrency) continue;
        const entry = this.#take(consumer.subscription.ordering);
        if (entry === undefined) continue;
        found = true;
        const run = this.deliver(entry, consumer).finally(() => {
          consumer.running.delete(run);
          this.dispatch();
        });
        consumer.running.add(run);
      }
    }
  }

  backlog(): Backlog {
    const all = [...this.#ready, ...this.#inFlight, ...this.#delayed.keys()];
    const counts = { ready: this.#ready.length, inFlight: this.#inFlight.size, delayed: this.#delayed.size };
    if (all.length === 0) return counts;
    const oldest = all.reduce((least, { publishedAt }) => Math.min(least, publishedAt), Infinity);
    return { ...counts, oldestAgeMs: Math.max(0, this.clock.monotonic() - oldest) };
  }

  entries(): readonly Entry[] {
    return [...this.#inFlight, ...this.#ready, ...this.#delayed.keys()];
  }

  close(): void {
    for (const cancel of this.#delayed.values()) cancel();
  }

  /** The first that may run: with an order, none of a key that is in flight. */
  #take(ordering: Subscription['ordering']): Entry | undefined {
    const busy = new Set(ordering === 'key' ? [...this.#inFlight].map(({ key }) => key) : []);
    const index = this.#ready.findIndex(({ key }) => key === undefined || !busy.has(key));
    const [entry] = index < 0 ? [] : this.#ready.splice(index, 1);
    if (entry) this.#inFlight.add(entry);
    return entry;
  }
}
