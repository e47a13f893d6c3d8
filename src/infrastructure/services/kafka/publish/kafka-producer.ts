import type {
  Clock,
  Destination,
  PublishOutcome,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import { Semaphore } from '../connection/semaphore.js';
import type { SenderServices } from './partition-sender.js';
import { failureOf } from '../client/kafka-errors.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import { type Delay, encode, type OutRecord, type Transit } from '../wire/kafka-record.js';
import { PendingPublish } from './pending-publish.js';
import { TopicBatcher } from './topic-batcher.js';
import type { Topics } from '../topology/topics.js';
import { delayLevelOf } from '../topology/delay-levels.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';

const SWEEP_MS = 20;
/**
 * Concurrent requests of the client. More would only queue inside it, where a request that waits for longer than the request timeout
 * fails.
 */
const SENDS_BATCH_SIZE = 8;

/** Messages with the same destination and deadline. */
export interface Parcel {
  readonly messages: readonly WireMessage[];
  /** What the transport adds to each. */
  readonly transit?: Transit;
  /** On the monotonic clock. */
  readonly deadline: number;
}

/** Publishes with an outcome for each message; messages that arrive while a request is in flight share the next one. */
export class KafkaProducer {
  readonly #lanes = new Map<string, TopicBatcher>();
  readonly #calls = new Set<PendingPublish>();
  readonly #services: SenderServices;
  readonly #clock: Clock;
  #isSweeping = false;

  constructor(
    private readonly link: KafkaConnection,
    private readonly topics: Topics,
  ) {
    this.#clock = link.clock;
    this.#services = { connection: link, topics, semaphore: new Semaphore(SENDS_BATCH_SIZE) };
  }

  /** To every group of a topic or to one, at once or later. */
  publish(
    to: Destination,
    messages: readonly WireMessage[],
    { delayMs = 0, deadlineMs }: { readonly delayMs?: number | undefined; readonly deadlineMs: number },
  ): Promise<readonly PublishOutcome[]> {
    const deadline = this.#clock.monotonic() + deadlineMs;
    if (delayMs <= 0) return this.deliver(to, { messages, deadline });
    return this.postpone({ ...to, delayMs }, { messages, deadline });
  }

  /** To the topic that consumers read. */
  deliver(to: Destination, parcel: Parcel): Promise<readonly PublishOutcome[]> {
    return this.#send(this.topics.names.topic(to), () => this.topics.destination(to), parcel);
  }

  /** To its next wait topic, or to its destination when nothing is left of its delay. */
  postpone(
    { topic, group, delayMs }: Omit<Delay, 'dueAt'>,
    parcel: Parcel,
  ): Promise<readonly PublishOutcome[]> {
    if (delayMs <= 0) return this.deliver(group === undefined ? { topic } : { topic, group }, parcel);
    const place = this.topics.names.wait(delayLevelOf(delayMs).name);
    const delay = { topic, group, dueAt: this.#clock.now() + delayMs, delayMs };
    const waiting = { ...parcel, transit: { ...parcel.transit, delay } };
    return this.#send(place, () => this.topics.wait(), waiting);
  }

  /** Proves that a durable write is accepted now; rejects otherwise. */
  async ping(deadline: number): Promise<void> {
    const messages = [{ id: 'ping', headers: {}, body: Buffer.alloc(0) }];
    const [outcome] = await this.#send(this.topics.names.ping, () => this.topics.ping(), {
      messages,
      deadline,
    });
    if (outcome?.kind !== 'accepted') throw outcome?.error ?? this.link.silentError();
  }

  /** Queued messages are not sent; those in flight have an unknown outcome. */
  close(): void {
    for (const call of this.#calls) call.end(this.link.label);
    this.#calls.clear();
    this.#lanes.clear();
  }

  async #send(
    topic: string,
    declare: () => Promise<unknown>,
    { messages, transit, deadline }: Parcel,
  ): Promise<readonly PublishOutcome[]> {
    let records: OutRecord[];
    try {
      records = messages.map((message) => encode(message, transit));
    } catch (error) {
      return messages.map(() => ({ kind: 'refused', error: error as Error }));
    }
    try {
      this.link.assertUp();
      if (this.topics.partitionsOf(topic) === undefined)
        await withDeadline(declare(), Math.max(1, deadline - this.#clock.monotonic()), () =>
          this.link.silentError(),
        );
    } catch (error) {
      const outcome = failureOf(error, this.link.label, false);
      return messages.map(() => outcome);
    }
    return new Promise((resolve) => {
      const call = new PendingPublish(messages.length, deadline, (outcomes) => {
        this.#calls.delete(call);
        resolve(outcomes);
      });
      this.#calls.add(call);
      const lane = this.#laneOf(topic);
      records.forEach((record, index) => lane.add({ call, index, record }));
      this.#sweepLater();
    });
  }

  #laneOf(topic: string): TopicBatcher {
    let lane = this.#lanes.get(topic);
    if (!lane) this.#lanes.set(topic, (lane = new TopicBatcher(topic, this.#services)));
    return lane;
  }

  #sweepLater(): void {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    this.#clock.schedule(SWEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    this.#isSweeping = false;
    const now = this.#clock.monotonic();
    for (const call of this.#calls) if (call.deadline <= now) call.end(this.link.label);
    if (this.#calls.size > 0) this.#sweepLater();
  }
}
