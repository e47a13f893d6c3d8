import { Link, LinkedSet } from '../../../../core/messaging/transport-kit/linked-set.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import type { DecodedMessage } from '../wire/message-codec.js';

/** A settled delivery behind an unsettled one is acknowledged singly after this time. */
const GAP_MS = 5;
/** With a prefetch this small, the next delivery waits for the acknowledgement, so it is sent at once. */
const SMALL_PREFETCH = 4;

/** A delivery without an acknowledgement. */
export class UnackedDelivery {
  readonly link = new Link<UnackedDelivery>();
  /** On the monotonic clock; undefined until it is settled. */
  doneAt: number | undefined;

  constructor(
    readonly raw: ConsumeMessage,
    readonly decoded: DecodedMessage,
  ) {}
}

/**
 * Acknowledges on the channel of the delivery only: after a reconnect the delivery tags restart, and the same tag is another
 * message.
 *
 * A contiguous run is acknowledged with one `multiple` frame, once a turn of the event loop.
 */
export class AckBatcher {
  /** In the order of their delivery tags. */
  readonly #outstanding = new LinkedSet<UnackedDelivery>();
  /** Settled behind an unsettled one. */
  #outOfOrder: UnackedDelivery[] = [];
  #isScheduled = false;
  #isGone = false;
  #isHeld = false;

  /** @param prefetch unacknowledged deliveries that the broker allows. */
  constructor(
    private readonly channel: Channel,
    private readonly prefetch: number,
    private readonly clock: Clock,
  ) {}

  /** The channel has ended: nothing can be acknowledged, and the broker delivers everything again. */
  get isGone(): boolean {
    return this.#isGone;
  }

  get size(): number {
    return this.#outstanding.size;
  }

  *[Symbol.iterator](): Iterator<UnackedDelivery> {
    yield* this.#outstanding;
  }

  add(item: UnackedDelivery): void {
    this.#outstanding.add(item);
  }

  /** False when the channel has ended. */
  done(item: UnackedDelivery): boolean {
    if (this.#isGone) return false;
    item.doneAt = this.clock.monotonic();
    if (item.link.previous) this.#outOfOrder.push(item);
    if (this.prefetch <= SMALL_PREFETCH) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#turn);
    }
    return true;
  }

  end(): void {
    this.#isGone = true;
    this.#outOfOrder = [];
  }

  /** As many are unacknowledged as the broker allows: it assigns nothing more. */
  get isFull(): boolean {
    return this.size >= this.prefetch;
  }

  /** Keeps acknowledgements back until {@link release}. */
  hold(): void {
    this.flush();
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.flush();
  }

  /** Acknowledges everything that is settled. */
  flush(): void {
    if (this.#isGone || this.#isHeld) return;
    let last: UnackedDelivery | undefined;
    for (const item of this.#outstanding) {
      if (item.doneAt === undefined) break;
      this.#outstanding.delete(item);
      last = item;
    }
    if (last) this.#ack(last, true);
    this.#flushOutOfOrder();
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  #flushOutOfOrder(): void {
    if (this.#outOfOrder.length === 0) return;
    const dueBefore = this.prefetch <= SMALL_PREFETCH ? Infinity : this.clock.monotonic() - GAP_MS;
    const later: UnackedDelivery[] = [];
    for (const item of this.#outOfOrder) {
      if (!item.link.isMember) continue; // already acknowledged as part of a run
      if ((item.doneAt ?? 0) > dueBefore) later.push(item);
      else {
        this.#outstanding.delete(item);
        this.#ack(item, false);
      }
    }
    this.#outOfOrder = later;
    if (later.length === 0 || this.#isScheduled) return;
    this.#isScheduled = true;
    this.clock.schedule(GAP_MS, this.#turn);
  }

  #ack(item: UnackedDelivery, isRun: boolean): void {
    try {
      this.channel.ack(item.raw, isRun);
    } catch {
      this.end(); // the channel is closing; the broker delivers unacknowledged messages again
    }
  }
}
