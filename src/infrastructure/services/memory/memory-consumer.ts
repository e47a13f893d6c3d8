import { DeliverySlots } from '../../../core/messaging/transport-kit/delivery-slots.js';
import type { Consumer, OnDelivery, Settlement, Subscription } from '../../../core/messaging/transport.js';
import type { MemoryGroup } from './memory-group.js';
import type { Handover, Receiver } from './memory-handover.js';

/** A delivery whose callback broke its promise not to reject comes back after this. */
const BROKEN_CALLBACK_DELAY_MS = 1_000;

/** Serves one subscription. */
export class MemoryConsumer implements Consumer, Receiver {
  readonly isKeyed: boolean;
  readonly #slots: DeliverySlots<Handover>;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly transport: string,
    private readonly group: MemoryGroup,
    subscription: Subscription,
    private readonly onDelivery: OnDelivery,
  ) {
    this.isKeyed = subscription.ordering === 'key';
    this.#slots = new DeliverySlots(
      subscription,
      (handover) => this.#deliver(handover),
      () => group.wake(),
    );
    group.attach(this);
  }

  get free(): number {
    return this.#slots.free;
  }

  offer(handover: Handover): void {
    this.#slots.offer(handover, handover.message.key);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.group.detach(this);
    this.group.putBack(this.#slots.withdraw());
    await this.#slots.idle();
  }

  async #deliver(handover: Handover): Promise<void> {
    const { message, attempt } = handover;
    let settlement: Settlement;
    try {
      settlement = await this.onDelivery({ message, attempt, transport: this.transport });
    } catch {
      settlement = { kind: 'retry', delayMs: BROKEN_CALLBACK_DELAY_MS };
    }
    this.group.settled(handover);
    if (settlement.kind === 'ack') {
      this.group.release(handover);
      return;
    }
    const headers = settlement.headers ? { ...message.headers, ...settlement.headers } : message.headers;
    this.group.comeBack(
      { held: handover.held, message: { ...message, headers }, attempt: attempt + 1 },
      settlement.delayMs,
    );
  }
}
