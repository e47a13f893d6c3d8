import type { DeliveryProcessor } from './delivery-processor.js';
import type { HandlerEntry } from './handlers/handler-entry.js';
import type { MessagingEvent } from './messaging.events.js';
import type { SubscriptionView } from './messaging.view.js';
import type { Consumer, Delivery, Settlement, Transport } from './transport.js';

/** A delivery whose processing failed in a way that must not happen comes back after this. */
const SURPRISE_DELAY_MS = 5_000;

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
class SharedSlots {
  active = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly limit: number) {}

  /** True when the slot was free; else {@link wait} for one. */
  tryEnter(): boolean {
    if (this.active >= this.limit) return false;
    this.active++;
    return true;
  }

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.active--;
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

  /** Ends intake everywhere, then resolves when every delivery in hand is settled. */
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

  async #deliver({ entry, slots }: Served, delivery: Delivery): Promise<Settlement> {
    if (!slots.tryEnter()) await slots.wait();
    try {
      return await this.processor.process(entry, delivery);
    } catch {
      // `process` answers for everything it expects; whatever still gets here must not lose the message.
      return { kind: 'retry', delayMs: SURPRISE_DELAY_MS };
    } finally {
      slots.leave();
    }
  }
}
