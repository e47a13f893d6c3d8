import { DeliverySlots } from '../../../core/messaging/transport-kit/delivery-slots.js';
import type {
  Consumer,
  Delivery,
  OnDelivery,
  Settlement,
  Subscription,
} from '../../../core/messaging/transport.js';
import type { MemoryGroup } from './memory-group.js';
import { Handover, type Receiver } from './memory-handover.js';

/** A delivery whose callback broke its promise not to reject comes back after this. */
const BROKEN_CALLBACK: Settlement = { kind: 'retry', delayMs: 1_000 };

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
      { concurrency: subscription.concurrency, ordering: 'none' }, // keys wait in the group, not here
      (handover, done) => this.#deliver(handover, done),
      () => group.wake(),
    );
  }

  /** Takes part in the work of its group until it is stopped. */
  start(): void {
    this.group.attach(this);
  }

  get free(): number {
    return this.#slots.free;
  }

  offer(handover: Handover): void {
    this.#slots.offer(handover);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  #stop(): Promise<void> {
    this.group.detach(this);
    return this.#slots.idle();
  }

  #deliver(handover: Handover, done: () => void): void {
    const { message, attempt } = handover;
    const settle = (settlement: Settlement): void => {
      this.#settle(handover, settlement);
      done();
    };
    this.#call({ message, attempt, transport: this.transport }).then(settle, () => settle(BROKEN_CALLBACK));
  }

  #call(delivery: Delivery): Promise<Settlement> {
    try {
      return this.onDelivery(delivery);
    } catch {
      return Promise.resolve(BROKEN_CALLBACK);
    }
  }

  #settle(handover: Handover, settlement: Settlement): void {
    this.group.settled(handover);
    if (settlement.kind === 'ack') {
      this.group.release(handover);
      return;
    }
    const { message, attempt, held } = handover;
    const headers = settlement.headers ? { ...message.headers, ...settlement.headers } : message.headers;
    this.group.comeBack(new Handover(held, { ...message, headers }, attempt + 1), settlement.delayMs);
  }
}
