import { DeliverySlots } from '../../../../core/messaging/transport-kit/delivery-slots.js';
import { handOver } from '../../../../core/messaging/transport-kit/hand-over.js';
import {
  type NextAttempt,
  RepublishingRetry,
} from '../../../../core/messaging/transport-kit/republishing-retry.js';
import { ErrorDeduplicator } from '../../../../core/messaging/transport-kit/error-deduplicator.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import type {
  Consumer,
  OnDelivery,
  PublishOutcome,
  Settlement,
  Subscription,
  TransportContext,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import { OffsetCommitter } from './offset-committer.js';
import type { DelayedCounts } from './delayed-counts.js';
import { GroupMembership } from './group-membership.js';
import { type Assignment, GroupReader, type ReaderListener } from './group-reader.js';
import { failureOf } from '../client/kafka-errors.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type { KafkaProducer } from '../publish/kafka-producer.js';
import { decode, type DecodedRecord } from '../wire/kafka-record.js';
import type { EachBatchPayload, KafkaMessage } from '../client/kafkajs-client.js';
import type { Taken } from './offset-tracker.js';
import type { Partition } from './partition.js';
import { AssignedPartitions } from './assigned-partitions.js';
import { Backpressure } from './backpressure.js';
import type { Topics } from '../topology/topics.js';

/** Settled offsets behind one that is not, of one partition: more would cost memory and come again after a crash. */
const MAX_SPAN = 20_000;

/** Longest wait for what is in hand before partitions are given to other processes. */
const PATIENCE_MS = 2_000;
const KEYED_PATIENCE_MS = 20_000;
const LOOK_MS = 500;
/** A stop waits no longer for the group to store what was settled. */
const LAST_COMMIT_MS = 4_000;

interface Held {
  readonly partition: Partition;
  readonly taken: Taken;
  readonly opened: DecodedRecord;
  readonly attempt: number;
}

export interface ConsumerServices {
  readonly connection: KafkaConnection;
  readonly topics: Topics;
  readonly producer: KafkaProducer;
  readonly context: TransportContext;
  readonly delayed: DelayedCounts;
}

/** Serves one subscription, through reconnects and whatever happens to its group. */
export class KafkaConsumer implements Consumer, ReaderListener {
  readonly #slots: DeliverySlots<Held>;
  readonly #partitions: AssignedPartitions;
  readonly #membership: GroupMembership;
  #reader: GroupReader | undefined;
  readonly #committer: OffsetCommitter;
  readonly #retries: RepublishingRetry;
  readonly #backpressure = new Backpressure();
  readonly #inFlight = new Set<WireMessage>();
  readonly #troubles: ErrorDeduplicator;
  /** Slots for messages that are about to be handed out. */
  #reserved = 0;
  #isStopping = false;
  #isAbandoned = false;
  #stopped: Promise<void> | undefined;

  constructor(
    readonly subscription: Subscription,
    private readonly services: ConsumerServices,
    private readonly onDelivery: OnDelivery,
    /** Told of each delivery. */
    private readonly delivered: (message: WireMessage) => void,
  ) {
    const { connection, topics, context } = services;
    this.#troubles = new ErrorDeduplicator((error) => context.onEvent({ type: 'error', error }));
    const { topic, group } = subscription;
    const id = topics.names.group({ topic, group });
    this.#retries = new RepublishingRetry(context, subscription, {
      publish: (next) => this.#republish(next),
      failed: (error) => this.failed(error),
      recovered: () => this.#troubles.over(),
    });
    this.#slots = new DeliverySlots(
      subscription,
      (held, done) => this.#deliver(held, done),
      () => this.#backpressure.made(),
    );
    this.#partitions = new AssignedPartitions(connection, id, (error) => this.failed(error));
    const read = [topics.names.topic({ topic }), topics.names.topic({ topic, group })];
    const partitions = (): number => topics.partitionsOfAll(read);
    this.#membership = new GroupMembership(connection, { id, topics: read, partitions });
    this.#committer = new OffsetCommitter(
      this.#membership,
      () => this.#partitions,
      context.clock,
      (error) => this.failed(error),
    );
  }

  get inFlight(): ReadonlySet<WireMessage> {
    return this.#inFlight;
  }

  /** Offsets that are ours, for what cannot be seen from outside: what is settled and not yet committed. */
  *positions(): Iterable<Partition> {
    yield* this.#partitions;
  }

  async start(): Promise<void> {
    const { topic, group } = this.subscription;
    this.#reader ??= new GroupReader(this.services.connection, this.#membership, this);
    await this.services.topics.subscription({ topic, group });
    await this.#reader.start();
    await this.#committer.place(() => this.#partitions.opened());
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Gives up what is still in hand: its settlements are dropped. */
  abandon(): void {
    this.#isStopping = true;
    this.#isAbandoned = true;
    this.#backpressure.made();
    this.#partitions.dropAll();
    void this.#reader?.close();
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#backpressure.made();
    this.#membership.pauseAll();
    for (const { opened } of this.#slots.withdraw()) this.#inFlight.delete(opened.message);
    await this.#slots.idle();
    if (this.#isAbandoned) return;
    const stored = this.#committer.now(false).catch(() => undefined); // what is not stored comes again
    await settlesWithin(stored, LAST_COMMIT_MS);
    await this.#reader?.close();
    this.#partitions.dropAll();
  }

  assigned(assignment: Assignment, isSame: boolean): void {
    this.#troubles.over();
    this.#partitions.assign(assignment, isSame);
    void this.#partitions.opened().then(() => this.#committer.later());
  }

  skipped(topic: string, partition: number, to: number): void {
    this.#partitions.skip(topic, partition, to);
    this.#committer.later();
  }

  /** Others wait meanwhile, so that it is not for long where nobody has asked for an order. */
  async beforeRebalance(keepAlive: () => Promise<void>): Promise<void> {
    const { clock } = this.services.context;
    const patienceMs = this.subscription.ordering === 'key' ? KEYED_PATIENCE_MS : PATIENCE_MS;
    const idle = this.#slots.idle();
    for (const until = clock.monotonic() + patienceMs; clock.monotonic() < until;) {
      if (await settlesWithin(idle, LOOK_MS, clock)) break;
      await keepAlive();
    }
    for (const partition of this.#partitions) partition.isDirty = true;
    // What is still in hand goes on here, so that it has not seen a crash when another gets it.
    await this.#committer.now(false).catch(() => undefined);
  }

  lost(): void {
    this.#partitions.dropAll();
    this.#backpressure.made();
  }

  failed(error: unknown): void {
    if (!this.#isStopping)
      this.#troubles.trouble(failureOf(error, this.services.connection.label, true).error);
  }

  async batch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const partition = await this.#partitions.get(batch.topic, batch.partition);
    if (!partition) return;
    const isOurs = (): boolean =>
      payload.isRunning() && !payload.isStale() && !partition.isLost && !this.#isStopping;
    const { messages } = batch;
    for (let at = 0; at < messages.length;) {
      await this.#waitForRoom(partition, payload, isOurs);
      const next = messages.slice(at, at + Math.max(0, this.#free));
      if (!isOurs() || !(await this.#isNoted(partition, next)) || !isOurs()) return;
      for (const message of next) this.#take(partition, message);
      at += next.length;
      const last = next.at(-1);
      if (last) payload.resolveOffset(last.offset);
    }
    partition.tracker.skipTo(Number(batch.lastOffset()) + 1);
    payload.resolveOffset(batch.lastOffset());
    this.#committer.later();
    await payload.heartbeat();
  }

  get #free(): number {
    return this.#slots.free - this.#reserved;
  }

  /** What may end this process is noted before it is handed out. */
  async #isNoted(partition: Partition, next: readonly KafkaMessage[]): Promise<boolean> {
    if (!partition.isCareful(this.services.context.clock.monotonic())) return true;
    this.#reserved += next.length; // so that no other partition takes the room meanwhile
    try {
      partition.handOut(Number(next.at(-1)?.offset ?? -1) + 1);
      await this.#committer.now();
      return true;
    } finally {
      this.#reserved -= next.length;
    }
  }

  /** The client does not read on meanwhile, and is kept a member. */
  async #waitForRoom(partition: Partition, payload: EachBatchPayload, isOurs: () => boolean): Promise<void> {
    const hasRoom = (): boolean => this.#free > 0 && partition.tracker.span < MAX_SPAN;
    while (!hasRoom() && isOurs()) {
      const isMade = await this.#backpressure.wait();
      if (!isMade) await payload.heartbeat();
    }
  }

  #take(partition: Partition, record: KafkaMessage): void {
    const offset = Number(record.offset);
    if (offset < partition.tracker.next) return; // read once more after the group was formed anew
    const opened = decode(record);
    const taken = partition.tracker.take(offset, opened.message.id);
    if (partition.isKnownSettled(taken)) {
      partition.settle(taken);
      return;
    }
    partition.handOut(offset + 1);
    this.#inFlight.add(opened.message);
    this.delivered(opened.message);
    const attempt = opened.attempt + partition.crashesOf(offset);
    this.#slots.offer({ partition, taken, opened, attempt }, opened.message.key);
  }

  #deliver(held: Held, done: () => void): void {
    const { opened, attempt } = held;
    const delivery = { message: opened.message, attempt, transport: this.services.context.name };
    handOver(this.onDelivery, delivery, (settlement) => {
      this.#settle(held, settlement, done).catch((error: unknown) => this.failed(error));
    });
  }

  async #settle(held: Held, settlement: Settlement, done: () => void): Promise<void> {
    if (settlement.kind !== 'retry' || (await this.#handOn(held, settlement)))
      held.partition.settle(held.taken);
    this.#settled(held, done);
    // A crash before would bring it back besides its retry.
    if (settlement.kind === 'retry') await this.#committer.now();
  }

  #settled({ partition, opened }: Held, done: () => void): void {
    this.#inFlight.delete(opened.message);
    const { topic, group } = this.subscription;
    if (partition.isLost) this.services.context.onEvent({ type: 'settlement-dropped', topic, group });
    else if (partition.isDirty) this.#committer.later();
    done();
  }

  /** Whether it waits elsewhere for its next attempt, which comes to this group only. Tries until it does or is not ours any more. */
  #handOn({ opened, attempt, partition }: Held, retry: Settlement & { kind: 'retry' }): Promise<boolean> {
    return this.#retries.publish({ message: opened.message, attempt }, retry, () => !partition.isLost);
  }

  async #republish({ message, attempt, dueAt, delayMs }: NextAttempt): Promise<PublishOutcome | undefined> {
    const { topic, group } = this.subscription;
    const { connection, producer, delayed, context } = this.services;
    const deadline = context.clock.monotonic() + connection.options.requestTimeoutMs;
    const parcel = { messages: [message], transit: { attempt }, deadline };
    const [outcome] = await producer.postpone({ topic, group, dueAt, delayMs }, parcel);
    if (outcome?.kind === 'accepted') delayed.added({ topic, group }, 1, delayMs);
    return outcome;
  }
}
