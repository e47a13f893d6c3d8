/** One file because reading, settling and rebalances of a consumer share its partitions. */
import { DeliverySlots } from '../../../../core/messaging/transport-kit/delivery-slots.js';
import { handOver } from '../../../../core/messaging/transport-kit/hand-over.js';
import {
  type NextAttempt,
  RepublishingRetry,
} from '../../../../core/messaging/transport-kit/republishing-retry.js';
import { ErrorDeduplicator } from '../../../../core/messaging/transport-kit/error-deduplicator.js';
import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import {
  type Consumer,
  CONSUMER_INTERRUPTED,
  type OnDelivery,
  type PublishOutcome,
  type Settlement,
  type Subscription,
  type TransportContext,
  type Unacceptable,
  type WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import { OffsetCommitter } from './offset-committer.js';
import type { DelayedCounts } from './delayed-counts.js';
import { GroupMembership } from './group-membership.js';
import {
  type Assignment,
  GroupReader,
  type InterruptionReason,
  type ReaderListener,
} from './group-reader.js';
import { failureOf } from '../client/kafka-errors.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type { KafkaProducer } from '../publish/kafka-producer.js';
import { decode, type DecodedRecord } from '../wire/kafka-record.js';
import { type FetchedMessage, unreadableText } from '../wire/unreadable.js';
import type { EachBatchPayload, KafkaMessage } from '../client/kafkajs-client.js';
import type { Taken } from './offset-tracker.js';
import type { Partition } from './partition.js';
import { AssignedPartitions } from './assigned-partitions.js';
import { LeftRecords } from './left-records.js';
import { NewerMembers } from './newer-members.js';
import { OffsetResetReports } from './offset-reset-reports.js';
import { Backpressure } from './backpressure.js';
import type { Topics } from '../topology/topics.js';

/** Settled offsets behind one that is not, of one partition: more would cost memory and be delivered again after a crash. */
const MAX_SPAN = 20_000;

/** Longest wait for deliveries in flight before partitions are given to other processes. */
const PATIENCE_MS = 2_000;
const KEYED_PATIENCE_MS = 20_000;
const LOOK_MS = 500;
/** Longest wait of a stop for the last commit. */
const LAST_COMMIT_MS = 4_000;

interface Held {
  readonly partition: Partition;
  readonly taken: Taken;
  readonly opened: DecodedRecord;
  readonly attempt: number;
  /** Of a record that cannot be read. */
  readonly unacceptable: Unacceptable | undefined;
}

export interface ConsumerServices {
  readonly connection: KafkaConnection;
  readonly topics: Topics;
  readonly producer: KafkaProducer;
  readonly context: TransportContext;
  readonly delayed: DelayedCounts;
  readonly problems: ProblemList;
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
  readonly #formats: NewerFormats;
  readonly #left: LeftRecords;
  readonly #newerMembers: NewerMembers;
  readonly #troubles: ErrorDeduplicator;
  /** The topic of all groups. */
  readonly #publicTopic: string;
  /** Slots for messages that are about to be delivered. */
  #reserved = 0;
  #isStopping = false;
  #isAbandoned = false;
  #stopped: Promise<void> | undefined;

  constructor(
    readonly subscription: Subscription,
    private readonly services: ConsumerServices,
    private readonly onDelivery: OnDelivery,
    /** Called once a delivery. */
    private readonly delivered: (message: WireMessage) => void,
  ) {
    const { connection, topics, context } = services;
    this.#troubles = new ErrorDeduplicator((error) => context.onEvent({ type: 'error', error }));
    const { topic, group } = subscription;
    const id = topics.names.group({ topic, group });
    const { label } = connection;
    this.#formats = new NewerFormats({
      of: subscription,
      label,
      problems: services.problems,
      clock: context.clock,
    });
    this.#left = new LeftRecords(this.#formats, subscription.ordering);
    this.#newerMembers = new NewerMembers(connection, id, this.#formats);
    this.#publicTopic = topics.names.topic({ topic });
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
    const read = [this.#publicTopic, topics.names.topic({ topic, group })];
    const partitions = (): number => topics.partitionsOfAll(read);
    this.#membership = new GroupMembership(connection, { id, topics: read, partitions });
    const resets = new OffsetResetReports(context, services.problems, () => ({ topic, group, groupId: id }));
    this.#partitions = new AssignedPartitions(connection, this.#membership, resets, {
      failed: (error) => this.failed(error),
      formats: this.#formats,
    });
    this.#committer = new OffsetCommitter(
      this.#membership,
      () => this.#partitions,
      context.clock,
      (error) => this.failed(error),
    );
  }

  /** Messages that it has read and leaves to processes of a newer version. */
  get left(): number {
    return this.#left.count;
  }

  get inFlight(): ReadonlySet<WireMessage> {
    return this.#inFlight;
  }

  /** The assigned partitions, with what is settled and not yet committed. */
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

  /** Drops the settlements of the deliveries in flight. */
  abandon(): void {
    this.#isStopping = true;
    this.#isAbandoned = true;
    this.#backpressure.made();
    this.#partitions.dropAll();
    this.#formats.ended();
    void this.#reader?.close();
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#backpressure.made();
    this.#membership.pauseAll();
    for (const { opened } of this.#slots.withdraw()) this.#inFlight.delete(opened.message);
    await this.#slots.idle();
    if (this.#isAbandoned) return;
    const stored = this.#committer.now(false).catch(() => undefined); // an offset that is not committed is delivered again
    await settlesWithin(stored, LAST_COMMIT_MS);
    await this.#reader?.close();
    this.#partitions.dropAll();
    this.#formats.ended();
  }

  assigned(assignment: Assignment, isSame: boolean): void {
    this.#troubles.over();
    this.#partitions.assign(assignment, isSame);
    this.#newerMembers.assigned(assignment);
    void this.#partitions.opened().then(() => this.#committer.later());
  }

  skipped(topic: string, partition: number, to: number): void {
    this.#partitions.skip(topic, partition, to);
    this.#committer.later();
  }

  /** The other members wait meanwhile, so the wait is short where no order was asked for. */
  async beforeRebalance(keepAlive: () => Promise<void>): Promise<void> {
    const { clock } = this.services.context;
    const patienceMs = this.subscription.ordering === 'key' ? KEYED_PATIENCE_MS : PATIENCE_MS;
    const idle = this.#slots.idle();
    for (const until = clock.monotonic() + patienceMs; clock.monotonic() < until;) {
      if (await settlesWithin(idle, LOOK_MS, clock)) break;
      await keepAlive();
    }
    // Handlers in flight continue here, so that the next owner must not count a crash for them.
    await this.#committer.now(false).catch(() => undefined);
  }

  lost(): void {
    this.#partitions.dropAll();
    this.#backpressure.made();
  }

  interrupted({ code, text }: InterruptionReason): void {
    const { topic, group } = this.subscription;
    const detail = `The consumer of "${topic}" for the group "${group}" gets no messages, and tries again: ${text}`;
    this.services.problems.add({ code: CONSUMER_INTERRUPTED, topic, group, reason: code, detail });
  }

  reading(): void {
    this.services.problems.solve(CONSUMER_INTERRUPTED, this.subscription);
  }

  failed(error: unknown): void {
    if (!this.#isStopping)
      this.#troubles.trouble(failureOf(error, this.services.connection.label, true).error);
  }

  outOfRange(topic: string, partition: number): Promise<number | undefined> {
    return this.#partitions.outOfRange(topic, partition);
  }

  async batch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const partition = await this.#partitions.ofBatch(batch);
    if (!partition) return;
    const isOurs = (): boolean =>
      payload.isRunning() && !payload.isStale() && !partition.isLost && !this.#isStopping;
    const { messages } = batch;
    for (let at = 0; at < messages.length;) {
      await this.#waitForRoom(partition, payload, isOurs);
      const next = messages.slice(at, at + Math.max(0, this.#free));
      if (!isOurs() || !(await this.#isNoted(partition, next)) || !isOurs()) return;
      let ignored = 0;
      for (const message of next) if (this.#take(partition, message)) ignored += 1;
      if (ignored > 0) this.#headersIgnored(ignored);
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

  /** A message that may crash the process is stored as in flight before it is delivered. */
  async #isNoted(partition: Partition, next: readonly KafkaMessage[]): Promise<boolean> {
    if (!partition.isCareful(this.services.context.clock.monotonic())) return true;
    this.#reserved += next.length; // so that no other partition takes the slots meanwhile
    try {
      partition.handOut(Number(next.at(-1)?.offset ?? -1) + 1);
      await this.#committer.now();
      return true;
    } finally {
      this.#reserved -= next.length;
    }
  }

  /** The client does not read meanwhile, and stays a member. */
  async #waitForRoom(partition: Partition, payload: EachBatchPayload, isOurs: () => boolean): Promise<void> {
    const hasRoom = (): boolean => this.#free > 0 && partition.tracker.span < MAX_SPAN;
    while (!hasRoom() && isOurs()) {
      const isMade = await this.#backpressure.wait();
      if (!isMade) await payload.heartbeat();
    }
  }

  /** @returns whether headers of the message were ignored. */
  #take(partition: Partition, record: FetchedMessage): boolean {
    const offset = Number(record.offset);
    if (offset < partition.tracker.next) return false; // read again after a rebalance
    const { topic, id } = partition;
    const opened = decode(record, { topic, partition: id, isPublic: topic === this.#publicTopic });
    const taken = partition.tracker.take(offset, opened.message.id);
    if (partition.isKnownSettled(taken)) {
      partition.settle(taken);
      return false;
    }
    if (this.#left.leaves(partition, opened)) return false;
    partition.handOut(offset + 1);
    this.#inFlight.add(opened.message);
    this.delivered(opened.message);
    const attempt = opened.attempt + partition.crashesOf(offset);
    const unacceptable = this.#unacceptable(record, partition);
    this.#slots.offer({ partition, taken, opened, attempt, unacceptable }, opened.message.key);
    return opened.hasIgnoredHeaders;
  }

  #unacceptable({ unreadable }: FetchedMessage, { topic, id }: Partition): Unacceptable | undefined {
    if (!unreadable) return undefined;
    const { subscription } = this;
    const detail = unreadableText(unreadable, { topic, partition: id });
    if (unreadable.claimedRecords !== undefined)
      this.services.problems.happened({
        code: 'unreadable_batch',
        topic: subscription.topic,
        group: subscription.group,
        detail,
      });
    return { reason: 'deserialization_failed', detail };
  }

  #headersIgnored(count: number): void {
    const { topic, group } = this.subscription;
    this.services.context.onEvent({ type: 'headers-ignored', topic, group, count });
  }

  /**
   * Has a message that no handler can get made a dead letter of this group.
   *
   * @returns nothing once it is safe, else how long to wait before the next try, in ms.
   */
  async park(message: WireMessage, attempt: number, unacceptable: Unacceptable): Promise<number | undefined> {
    if (this.#isStopping) return 0;
    const delivery = { message, attempt, transport: this.services.context.name, unacceptable };
    const settlement = await new Promise<Settlement>((resolve) =>
      handOver(this.onDelivery, delivery, resolve),
    );
    return settlement.kind === 'ack' ? undefined : settlement.delayMs;
  }

  #deliver(held: Held, done: () => void): void {
    const { opened, attempt, unacceptable } = held;
    const base = { message: opened.message, attempt, transport: this.services.context.name };
    const delivery = unacceptable ? { ...base, unacceptable } : base;
    handOver(this.onDelivery, delivery, (settlement) => {
      this.#settle(held, settlement, done).catch((error: unknown) => this.failed(error));
    });
  }

  async #settle(held: Held, settlement: Settlement, done: () => void): Promise<void> {
    if (settlement.kind === 'retry' && held.unacceptable) {
      await this.#redeliver(held, settlement.delayMs, done);
      return;
    }
    if (settlement.kind !== 'retry' || (await this.#handOn(held, settlement)))
      held.partition.settle(held.taken);
    this.#settled(held, done);
    // A crash before would bring it back besides its retry.
    if (settlement.kind === 'retry') await this.#committer.now();
  }

  /** Its dead letter is not stored so far. Published again it would be a message like others, and a handler could get its bytes. */
  async #redeliver(held: Held, delayMs: number, done: () => void): Promise<void> {
    const { clock } = this.services.context;
    const isOver = (): boolean => this.#isStopping || held.partition.isLost;
    for (const dueAt = clock.monotonic() + delayMs; clock.monotonic() < dueAt && !isOver();)
      await pause(Math.min(LOOK_MS, delayMs), clock);
    if (isOver()) this.#settled(held, done);
    else this.#deliver(held, done);
  }

  #settled({ partition, opened }: Held, done: () => void): void {
    this.#inFlight.delete(opened.message);
    const { topic, group } = this.subscription;
    if (partition.isLost) this.services.context.onEvent({ type: 'settlement-dropped', topic, group });
    else if (partition.isDirty) this.#committer.later();
    done();
  }

  /** True once its next attempt is stored for this group; retries until then. False once the partition is lost. */
  #handOn({ opened, attempt, partition }: Held, retry: Settlement & { kind: 'retry' }): Promise<boolean> {
    return this.#retries.publish(
      { message: opened.message, attempt },
      retry,
      () => !partition.isLost || partition.isGone,
    );
  }

  async #republish({ message, attempt, delayMs }: NextAttempt): Promise<PublishOutcome | undefined> {
    const { topic, group } = this.subscription;
    const { connection, producer, delayed, context } = this.services;
    const deadline = context.clock.monotonic() + connection.options.requestTimeoutMs;
    const parcel = { messages: [message], transit: { attempt }, deadline };
    const [outcome] = await producer.postpone({ topic, group, delayMs }, parcel);
    if (outcome?.kind === 'accepted') delayed.added({ topic, group }, 1, delayMs);
    return outcome;
  }
}
