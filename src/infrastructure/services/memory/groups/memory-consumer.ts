import { DeliverySlots } from '../../../../core/messaging/transport-kit/delivery-slots.js';
import { handOver, nextAttempt, retriedMessage } from '../../../../core/messaging/transport-kit/hand-over.js';
import type {
  Consumer,
  OnDelivery,
  Settlement,
  Subscription,
} from '../../../../core/messaging/ports/transport.js';
import type { MemoryGroup } from './memory-group.js';
import { Handover, type Receiver } from './memory-handover.js';

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
    handOver(this.onDelivery, { message, attempt, transport: this.transport }, settle);
  }

  #settle(handover: Handover, settlement: Settlement): void {
    this.group.settled(handover);
    if (settlement.kind === 'ack') {
      this.group.release(handover);
      return;
    }
    const { message, attempt, held } = handover;
    const again = retriedMessage(message, settlement);
    this.group.comeBack(new Handover(held, again, nextAttempt(attempt, settlement)), settlement.delayMs);
  }
}
