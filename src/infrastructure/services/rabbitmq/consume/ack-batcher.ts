import { Link, LinkedSet } from '../../../../core/messaging/transport-kit/linked-set.js';
import type { Clock } from '../../../../core/messaging/ports/transport.js';
import type { Channel, ConsumeMessage } from '../client/amqplib-client.js';
import type { DecodedMessage } from '../wire/message-codec.js';

/** What is done behind something that is not is acknowledged alone after this. */
const GAP_MS = 5;
/** With as few in hand, the next delivery waits for the acknowledgement. */
const FEW = 4;

/** A delivery that the broker waits for an answer to. */
export class UnackedDelivery {
  readonly link = new Link<UnackedDelivery>();
  /** On the clock that never jumps; undefined while it is not settled. */
  doneAt: number | undefined;

  constructor(
    readonly raw: ConsumeMessage,
    readonly opened: DecodedMessage,
  ) {}
}

/**
 * Acknowledges on one channel, and on no other: after a reconnect the numbers of deliveries begin anew, and the same number is
 * another message then.
 *
 * Runs without a gap take one acknowledgement, once a turn of the event loop.
 */
export class AckBatcher {
  /** In the order in which they came. */
  readonly #outstanding = new LinkedSet<UnackedDelivery>();
  /** Done, but not the first. */
  #beyond: UnackedDelivery[] = [];
  #isScheduled = false;
  #isGone = false;

  /** @param prefetch deliveries that the broker hands out without an answer. */
  constructor(
    private readonly channel: Channel,
    private readonly prefetch: number,
    private readonly clock: Clock,
  ) {}

  /** Nothing can be acknowledged any more: its channel has ended, and everything comes back. */
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
    if (item.link.previous) this.#beyond.push(item);
    if (this.prefetch <= FEW) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#turn);
    }
    return true;
  }

  end(): void {
    this.#isGone = true;
    this.#beyond = [];
  }

  /** Acknowledges now what can be. */
  flush(): void {
    if (this.#isGone) return;
    let last: UnackedDelivery | undefined;
    for (const item of this.#outstanding) {
      if (item.doneAt === undefined) break;
      this.#outstanding.delete(item);
      last = item;
    }
    if (last) this.#ack(last, true);
    this.#flushBeyond();
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  #flushBeyond(): void {
    if (this.#beyond.length === 0) return;
    const dueBefore = this.prefetch <= FEW ? Infinity : this.clock.monotonic() - GAP_MS;
    const later: UnackedDelivery[] = [];
    for (const item of this.#beyond) {
      if (!item.link.isMember) continue; // part of a run meanwhile
      if ((item.doneAt ?? 0) > dueBefore) later.push(item);
      else {
        this.#outstanding.delete(item);
        this.#ack(item, false);
      }
    }
    this.#beyond = later;
    if (later.length === 0 || this.#isScheduled) return;
    this.#isScheduled = true;
    this.clock.schedule(GAP_MS, this.#turn);
  }

  #ack(item: UnackedDelivery, isRun: boolean): void {
    try {
      this.channel.ack(item.raw, isRun);
    } catch {
      this.end(); // it is closing; the broker hands out again what it has no answer to
    }
  }
}
