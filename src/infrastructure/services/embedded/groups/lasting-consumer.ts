import type { Consumer, OnDelivery, Subscription } from '../../../../core/messaging/ports/transport.js';

/** What serves a subscription while it is open. */
interface Opened {
  consume(subscription: Subscription, onDelivery: OnDelivery): Promise<Consumer>;
}

/** A subscription that lasts while its log is opened again. */
export class LastingConsumer implements Consumer {
  #consumer: Consumer | undefined;
  /** Of logs that were abandoned: their handlers may still run. */
  readonly #abandoned = new Set<Promise<void>>();
  #isStopped = false;

  constructor(
    readonly subscription: Subscription,
    private readonly onDelivery: OnDelivery,
  ) {}

  async attach(opened: Opened): Promise<void> {
    const consumer = await opened.consume(this.subscription, this.onDelivery);
    if (this.#isStopped) await consumer.stop();
    else this.#consumer = consumer;
  }

  detach(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (!consumer) return;
    const ended = consumer.stop().finally(() => this.#abandoned.delete(ended));
    this.#abandoned.add(ended);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([this.#consumer?.stop(), ...this.#abandoned]);
  }
}
