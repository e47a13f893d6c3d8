import { nextTurn } from '../../../../core/messaging/ports/clock.js';
import { MessagingError, NotKeptError } from '../../../../core/messaging/ports/errors.js';
import { backoffMs } from '../../../../core/messaging/transport-kit/backoff.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import type {
  Consumer,
  Delivery,
  Destination,
  PublishOptions,
  PublishOutcome,
  Settlement,
  Unacceptable,
  TransportContext,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import type { Member } from '../members/member.js';
import type { RateLimiter } from './rate-limiter.js';
import type { Spool } from './spool.js';
import { type Address, unwrap } from './spool-record.js';

const ACK: Settlement = { kind: 'ack' };
const RETRY_MS = 100;
/** While nothing is taken. */
const RETRY_BACKOFF = { minMs: RETRY_MS, maxMs: 2_000 } as const;
/** One that could be kept nowhere as a dead letter is tried again after this at the earliest. */
const REFUSED_AGAIN_MS = 5_000;
/** Longest wait for the outcome of a send. */
const SEND_DEADLINE_MS = 10_000;
/** Messages that are on their way get this long when the application stops. */
const CLOSE_DRAIN_MS = 2_000;

interface Held {
  readonly message: WireMessage;
  readonly address: Address;
  readonly lane: string | undefined;
  readonly settle: (settlement: Settlement) => void;
}

interface DrainParts {
  readonly spool: Spool;
  readonly target: Member;
  readonly pace: RateLimiter;
  readonly run: string;
  /** How everything in this spool was published. */
  readonly ordering: PublishOptions['ordering'];
  readonly context: TransportContext;
}

/** Sends what was spooled, while the transport works that it is for: in order per key, at a pace. */
export class SpoolDrain {
  readonly #held: Held[] = [];
  #isSending = false;
  #isWanted = false;
  #isClosed = false;
  #consumer: Consumer | undefined;
  #adjusting: Promise<void> | undefined;
  #wake = (): void => undefined;

  constructor(private readonly parts: DrainParts) {}

  /** Starts or stops reading. What is in flight is sent in either case, once the target works. */
  turn(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.#wake();
    void this.#adjust();
  }

  /** What is not sent by the end is read again by the next run. */
  async close(): Promise<void> {
    this.turn(false);
    const { clock } = this.parts.context;
    if (this.parts.target.isHealthy && this.#adjusting)
      await settlesWithin(this.#adjusting, CLOSE_DRAIN_MS, clock);
    this.#isClosed = true;
    this.#wake();
    this.#release();
  }

  /** Keyed messages are left unsettled, as after a crash, because a retried one may fall behind later ones of its key. */
  #release(): void {
    for (const { lane, settle } of this.#held.splice(0)) if (lane === undefined) settle(again(0));
  }

  get #isAsWanted(): boolean {
    return this.#isClosed || this.#isWanted === (this.#consumer !== undefined);
  }

  #adjust(): Promise<void> {
    this.#adjusting ??= this.#follow().finally(() => {
      this.#adjusting = undefined;
      if (!this.#isAsWanted) void this.#adjust();
    });
    return this.#adjusting;
  }

  async #follow(): Promise<void> {
    const { spool, context } = this.parts;
    while (!this.#isAsWanted)
      try {
        const consumer = this.#consumer;
        this.#consumer = undefined;
        if (consumer) await consumer.stop();
        else this.#consumer = await spool.transport.consume(spool.subscription, (one) => this.#take(one));
      } catch (error) {
        context.onEvent({ type: 'error', error: error as Error });
        await this.#pause(RETRY_MS);
      }
  }

  #take({ message: spooled, unacceptable }: Delivery): Promise<Settlement> {
    if (this.#isClosed) return Promise.resolve(again(REFUSED_AGAIN_MS));
    const found = unacceptable ? undefined : unwrap(spooled);
    if (!found) return this.#parkUnreadable(spooled, unacceptable);
    return new Promise((settle) => {
      this.#held.push({ ...found, lane: spooled.key, settle });
      if (!this.#isSending) void this.#send();
    });
  }

  /** A message whose address cannot be read becomes a dead letter, as it is. */
  async #parkUnreadable(message: WireMessage, unacceptable?: Unacceptable): Promise<Settlement> {
    const { spool, context } = this.parts;
    const { topic, group } = spool.subscription;
    const detail =
      unacceptable?.detail ??
      `Message "${message.id}" in the spool "${topic}" on "${spool.name}" has no readable address. It becomes a dead letter; publish its body again where it was to go.`;
    const reason = unacceptable?.reason ?? 'deserialization_failed';
    const error = new MessagingError(reason === 'corrupt' ? 'RECORD_CORRUPT' : 'PAYLOAD_UNDECODABLE', detail);
    try {
      if (!context.keepRefused) throw error;
      await context.keepRefused({ to: { topic, group }, message, error, reason, transport: spool.name });
    } catch (cause) {
      context.onEvent({ type: 'error', error: cause as Error });
      return againAfter(cause);
    }
    if (spool.lanes.hasUnread) spool.lanes.removed(message.key, false);
    context.onEvent({ type: 'problem', problem: { code: 'spool_unreadable', topic, group, detail } });
    return ACK;
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    await new Promise<void>((resolve) => nextTurn(resolve)); // messages of the same turn share a call
    let failures = 0;
    while (this.#held.length > 0 && !this.#isClosed) {
      if (!this.parts.target.isHealthy) {
        await this.#pause(RETRY_MS * 10);
        continue;
      }
      const count = Math.min(this.#held.length, this.parts.pace.most);
      await this.parts.pace.next(count);
      const batch = this.#held.splice(0, count);
      const left = (
        await Promise.all(byAddress(batch, this.parts.context.clock.now()).map((one) => this.#forward(one)))
      ).flat();
      this.#held.push(...left); // no two of a key, so that others may come first
      failures = left.length === batch.length ? failures + 1 : 0;
      if (left.length > 0) await this.#pause(backoffMs(failures, RETRY_BACKOFF));
    }
    this.#isSending = false;
    if (this.#isClosed) this.#release();
  }

  /** Returns what has to be sent again. */
  async #forward({ to, delayMs, items }: Parcel): Promise<readonly Held[]> {
    const { ordering } = this.parts;
    const options = {
      deadlineMs: SEND_DEADLINE_MS,
      ...(delayMs > 0 ? { delayMs } : {}),
      ...(ordering ? { ordering } : {}),
    };
    const messages = items.map(({ message }) => message);
    const outcomes = await this.parts.target.publish(to, messages, options);
    return items.filter((item, index) => !this.#isDone(item, outcomes[index]));
  }

  #isDone(item: Held, outcome: PublishOutcome | undefined): boolean {
    if (outcome?.kind === 'accepted') this.#done(item);
    else if (outcome?.kind === 'refused') void this.#refused(item, outcome.error);
    else return false;
    return true;
  }

  #done({ lane, address, settle }: Held): void {
    this.parts.spool.lanes.removed(lane, address.run === this.parts.run);
    settle(ACK);
  }

  /** Kept as a dead letter before it leaves the spool. */
  async #refused(item: Held, error: Error): Promise<void> {
    const { context, target } = this.parts;
    const { message, address } = item;
    try {
      if (!context.keepRefused) throw error;
      await context.keepRefused({ to: address.to, message, error, transport: target.name });
      this.#done(item);
    } catch (problem) {
      context.onEvent({ type: 'error', error: problem as Error });
      item.settle(againAfter(problem));
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.parts.context.clock.schedule(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** A spooled message has no attempts: no limit on deliveries of the spool's own broker may end it. */
function again(delayMs: number): Settlement {
  return { kind: 'retry', delayMs, countsAttempt: false };
}

function againAfter(error: unknown): Settlement {
  const waitMs = error instanceof NotKeptError ? error.retryAfterMs : 0;
  return again(Math.max(REFUSED_AGAIN_MS, waitMs));
}

interface Parcel {
  readonly to: Destination;
  readonly delayMs: number;
  readonly items: Held[];
}

function byAddress(items: readonly Held[], now: number): readonly Parcel[] {
  const parcels = new Map<string, Parcel>();
  for (const item of items) {
    const { to, dueAt = 0 } = item.address;
    const delayMs = Math.max(0, Math.ceil(dueAt - now));
    const label = `${to.topic} ${to.group ?? ''} ${delayMs}`;
    const parcel = parcels.get(label);
    if (parcel) parcel.items.push(item);
    else parcels.set(label, { to, delayMs, items: [item] });
  }
  return [...parcels.values()];
}
