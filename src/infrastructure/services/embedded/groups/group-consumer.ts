import type {
  Consumer,
  Delivery,
  OnDelivery,
  Settlement,
  Subscription,
} from '../../../../core/messaging/ports/transport.js';
import { DeliverySlots } from '../../../../core/messaging/transport-kit/delivery-slots.js';
import { BROKEN_CALLBACK, nextAttempt } from '../../../../core/messaging/transport-kit/hand-over.js';
import type { Item } from './group-queue.js';
import type { GroupView, LogContext } from './log-context.js';
import { settleOnDisk } from './settle.js';
import type { Offer } from './dispatch-cycle.js';

interface ConsumerOptions {
  readonly subscription: Subscription;
  readonly onDelivery: OnDelivery;
  /** It takes nothing more. */
  readonly onStopping: (consumer: GroupConsumer) => void;
  /** It has nothing in flight any more. */
  readonly onStopped: (consumer: GroupConsumer) => void;
}

/** One running subscription. */
export class GroupConsumer implements Consumer {
  readonly isKeyed: boolean;
  readonly #group: GroupView;
  readonly #open: LogContext;
  readonly #onDelivery: OnDelivery;
  readonly #slots: DeliverySlots<Item>;
  #offered = 0;
  readonly #onStopping: (consumer: GroupConsumer) => void;
  readonly #onStopped: (consumer: GroupConsumer) => void;
  #stopping: Promise<void> | undefined;

  constructor(
    group: GroupView,
    open: LogContext,
    { subscription, onDelivery, onStopping, onStopped }: ConsumerOptions,
  ) {
    this.#group = group;
    this.#open = open;
    this.#onDelivery = onDelivery;
    this.#onStopping = onStopping;
    this.#onStopped = onStopped;
    this.isKeyed = subscription.ordering === 'key';
    this.#slots = new DeliverySlots<Item>(
      subscription,
      (item, done) => void this.#run(item).then(done),
      () => open.turns.wake(group),
    );
  }

  /** How many more items it takes now. */
  get free(): number {
    return this.#stopping ? 0 : this.#slots.free - this.#offered;
  }

  /** Takes the item; its handler gets it when the offer is delivered. */
  take(item: Item): Offer {
    this.#offered += 1;
    // With keys an item may wait behind another of its key, and waiting is no attempt.
    this.#group.note(item, !this.isKeyed);
    return {
      consumer: this,
      deliver: () => {
        this.#offered -= 1;
        this.#slots.offer(item, item.message.key);
      },
      giveBack: () => {
        this.#offered -= 1;
        this.#group.giveBack(item, item.attempt);
      },
    };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#open.turns.takeBack(this);
    for (const item of this.#slots.withdraw()) this.#group.giveBack(item, item.attempt);
    this.#onStopping(this);
    await this.#slots.idle();
    if (!this.#open.isClosed) await this.#open.turns.flushed();
    this.#onStopped(this);
  }

  async #run(item: Item): Promise<void> {
    try {
      if (this.isKeyed) {
        this.#group.note(item, true);
        await this.#open.turns.flushed();
        if (this.#open.isClosed) {
          this.#dropped();
          return;
        }
      }
      const settlement = await this.#deliver(item);
      if (this.#open.isClosed) this.#dropped();
      else if (settlement.kind === 'ack' && !item.dueKey) this.#group.settle(item);
      else await this.#settleOnDisk(item, settlement);
    } catch (error) {
      this.#open.reportError(error as Error);
    }
  }

  async #deliver({ message, attempt, unacceptable }: Item): Promise<Settlement> {
    const plain: Delivery = { message, attempt, transport: this.#open.name };
    const delivery = unacceptable ? { ...plain, unacceptable } : plain;
    try {
      return await this.#onDelivery(delivery);
    } catch (error) {
      this.#open.reportError(
        error instanceof Error ? error : new Error('A consumer rejected', { cause: error }),
      );
      return BROKEN_CALLBACK;
    }
  }

  async #settleOnDisk(item: Item, settlement: Settlement): Promise<void> {
    const settled = await settleOnDisk(this.#open, this.#group, {
      item,
      settlement,
      isGivingUp: () => this.#stopping !== undefined,
    });
    if (settled) this.#group.settle(item);
    else if (this.#open.isClosed) this.#dropped();
    else this.#group.giveBack(item, this.#attemptAfter(item, settlement));
  }

  /** A retry that the disk refused still knows whether it counts. An acknowledgement that it refused may not be known. */
  #attemptAfter({ attempt }: Item, settlement: Settlement): number {
    return settlement.kind === 'retry' ? nextAttempt(attempt, settlement) : attempt + 1;
  }

  /** It stays in flight for the journal, so the next process delivers it again. */
  #dropped(): void {
    const { topic, group } = this.#group.record;
    this.#open.emit({ type: 'settlement-dropped', topic, group });
  }
}
