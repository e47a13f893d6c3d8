import type { DeliveryProcessor } from './delivery-processor.js';
import type { Load } from './delivery-in-progress.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import type { MessagingEvent } from '../observing/events.js';
import type { SubscriptionView } from '../messaging.view.js';
import type { Consumer, Delivery, Settlement, Transport } from '../ports/transport.js';

/** Serves one handler from one transport. */
class Served {
  consumer: Consumer | undefined;
  state: SubscriptionView['state'] = 'starting';

  constructor(
    readonly entry: HandlerEntry,
    readonly transport: Transport,
    readonly slots: SharedSlots,
  ) {}
}

/** Ceiling over the consumers of one handler, which has one consumer a transport. */
class SharedSlots implements Load {
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(private readonly limit: number) {}

  get active(): number {
    return this.#active;
  }

  set active(active: number) {
    const hasFreed = active < this.#active;
    this.#active = active;
    if (hasFreed) this.#waiting.shift()?.();
  }

  get isFull(): boolean {
    return this.#active >= this.limit;
  }

  /** Resolves when a slot may be free. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Starts a consumer for every handler on every transport that may hold its messages, and stops them all. */
export class ConsumerRunner {
  readonly #served: readonly Served[];

  /** @param transportsOf where a topic's messages may be, the routed transport first. */
  constructor(
    entries: readonly HandlerEntry[],
    transportsOf: (topic: string) => readonly Transport[],
    private readonly processor: DeliveryProcessor,
    private readonly emit: (event: MessagingEvent) => void,
  ) {
    this.#served = entries.flatMap((entry) => {
      const slots = new SharedSlots(entry.concurrency);
      return transportsOf(entry.topic).map((transport) => new Served(entry, transport, slots));
    });
  }

  subscriptions(): SubscriptionView[] {
    return this.#served.map(({ entry, transport, slots, state }) => ({
      to: entry,
      transport: transport.name,
      concurrency: entry.concurrency,
      active: slots.active,
      state,
    }));
  }

  /** Starts what is to be consumed from this transport, which is connected. */
  async start(transport: Transport): Promise<void> {
    const mine = this.#served.filter(
      (served) => served.transport === transport && served.state === 'starting',
    );
    await Promise.all(mine.map((served) => this.#startOne(served)));
  }

  /** Ends intake everywhere, then resolves when every delivery in flight is settled. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#served.map(async (served) => {
        const wasRunning = served.state === 'running';
        served.state = 'stopped';
        await served.consumer?.stop();
        if (wasRunning) this.emit({ type: 'consumer', to: served.entry, change: 'stopped' });
      }),
    );
  }

  async #startOne(served: Served): Promise<void> {
    const consumer = await served.transport.consume(served.entry, (delivery) =>
      this.#deliver(served, delivery),
    );
    served.consumer = consumer;
    // The shutdown may have come while the consumer was being set up.
    if (served.state === 'stopped') {
      await consumer.stop();
      return;
    }
    served.state = 'running';
    this.emit({ type: 'consumer', to: served.entry, change: 'started' });
  }

  #deliver({ entry, slots }: Served, delivery: Delivery): Promise<Settlement> {
    // Only a handler with several transports ever finds its slots full: each transport keeps the ceiling by itself.
    return slots.isFull
      ? this.#deliverLater(entry, slots, delivery)
      : this.processor.process(entry, delivery, slots);
  }

  async #deliverLater(entry: HandlerEntry, slots: SharedSlots, delivery: Delivery): Promise<Settlement> {
    while (slots.isFull) await slots.wait();
    return this.processor.process(entry, delivery, slots);
  }
}
