import { type CallResult, GuardedPublish } from './guarded-publish.js';
import type { MessagingEvent } from '../observing/events.js';
import { atEndOfTurn, nextTick } from '../ports/clock.js';
import { MessagingError } from '../ports/errors.js';
import type {
  Clock,
  PublishAttempt,
  PublishOptions,
  PublishOutcome,
  Transport,
  WireMessage,
} from '../ports/transport.js';

/** A batch leaves at once when it reaches either of these. */
const MAX_BATCH_MESSAGES = 256;
const MAX_BATCH_BYTES = 256 * 1024;

/** Receives the outcome of one message and the tries that led to it. Called once. */
export type Settle = (outcome: PublishOutcome, attempts: readonly PublishAttempt[]) => void;

export interface BatcherOptions {
  readonly clock: Clock;
  readonly emit: (event: MessagingEvent) => void;
  /** Messages that may be in flight at a time, over all topics of the transport. */
  readonly maxInFlight: number;
  /** Bytes that may be in flight at a time. */
  readonly maxInFlightBytes: number;
}

class Batch {
  readonly messages: WireMessage[] = [];
  readonly settles: Settle[] = [];
  bytes = 0;
  sent = false;

  constructor(
    readonly lane: string,
    readonly topic: string,
    readonly options: PublishOptions,
  ) {}
}

/**
 * Hands what is published in one turn of the event loop to the transport in one call.
 *
 * No batch waits for further messages: it leaves when the turn ends, so a single message leaves in the turn in
 * which it was published. Messages in flight are bounded; beyond the bound publishing fails at once instead of filling memory.
 */
export class PublishBatcher {
  readonly #calls: GuardedPublish;
  readonly #open = new Map<string, Batch>();
  /** The batch of the last message, which is nearly always that of the next. */
  #last: Batch | undefined;
  #inFlight = 0;
  #inFlightBytes = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(
    private readonly transport: Transport,
    private readonly options: BatcherOptions,
  ) {
    this.#calls = new GuardedPublish(options.clock);
  }

  /** Queues a message for the end of this turn. */
  add(topic: string, message: WireMessage, options: PublishOptions, settle: Settle): void {
    if (this.#isFull(message)) {
      settle({ kind: 'unavailable', error: overloaded(this.transport.name, this.options) }, []);
      return;
    }
    const batch = this.#batchFor(topic, options);
    batch.messages.push(message);
    batch.settles.push(settle);
    batch.bytes += message.body.length;
    this.#inFlight += 1;
    this.#inFlightBytes += message.body.length;
    if (batch.messages.length >= MAX_BATCH_MESSAGES || batch.bytes >= MAX_BATCH_BYTES) void this.#send(batch);
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #isFull(message: WireMessage): boolean {
    const { maxInFlight, maxInFlightBytes } = this.options;
    if (this.#inFlight === 0) return false;
    return this.#inFlight >= maxInFlight || this.#inFlightBytes + message.body.length > maxInFlightBytes;
  }

  #batchFor(topic: string, options: PublishOptions): Batch {
    const last = this.#last;
    const isSameLane = last?.topic === topic && last.options === options;
    if (isSameLane && !last.sent) return last;
    this.#last = this.#openBatch(isSameLane ? last.lane : laneOf(topic, options), topic, options);
    return this.#last;
  }

  #openBatch(lane: string, topic: string, options: PublishOptions): Batch {
    const open = this.#open.get(lane);
    if (open) return open;
    const batch = new Batch(lane, topic, options);
    this.#open.set(lane, batch);
    // After the microtasks that are queued by now, so that the continuations of one turn share a batch.
    atEndOfTurn(() => nextTick(() => this.#send(batch)));
    return batch;
  }

  async #send(batch: Batch): Promise<void> {
    if (batch.sent) return; // it was full before its turn ended
    batch.sent = true;
    this.#open.delete(batch.lane);
    const result = await this.#calls.publish(this.transport, { topic: batch.topic }, batch);
    this.#inFlight -= batch.messages.length;
    this.#inFlightBytes -= batch.bytes;
    result.settled.forEach(({ outcome, attempts }, index) => batch.settles[index]?.(outcome, attempts));
    this.#report(batch.topic, result);
    if (this.#inFlight === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #report(topic: string, { summary, durationMs }: CallResult): void {
    for (const { outcome, errorCode, count } of summary) {
      this.options.emit({
        type: 'published',
        topic,
        transport: this.transport.name,
        outcome,
        count,
        durationMs,
        ...(errorCode !== undefined && { errorCode }),
      });
    }
  }
}

/** Messages of the same lane may share a batch. */
function laneOf(topic: string, { deadlineMs, delayMs, ordering, isTransient }: PublishOptions): string {
  return `${topic} ${deadlineMs} ${delayMs ?? ''} ${ordering ?? ''} ${isTransient ?? ''}`;
}

function overloaded(transport: string, { maxInFlight, maxInFlightBytes }: BatcherOptions): MessagingError {
  return new MessagingError(
    'OVERLOADED',
    `More than ${maxInFlight} messages or ${maxInFlightBytes} bytes are in flight to "${transport}". Publish fewer at a time, or wait for receipts.`,
  );
}
