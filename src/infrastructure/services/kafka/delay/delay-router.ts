import { DueQueue } from '../../../../core/messaging/transport-kit/due-queue.js';
import type { PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import { OffsetCommitter } from '../consume/offset-committer.js';
import { GroupMembership } from '../consume/group-membership.js';
import {
  type Assignment,
  GroupReader,
  type InterruptionReason,
  type ReaderListener,
} from '../consume/group-reader.js';
import type { ConsumerServices, KafkaConsumer } from '../consume/kafka-consumer.js';
import { NotKeptError } from '../../../../core/messaging/ports/errors.js';
import { failureOf } from '../client/kafka-errors.js';
import { type Delay, decode, type DecodedRecord } from '../wire/kafka-record.js';
import { type FetchedMessage, unreadableText } from '../wire/unreadable.js';
import type { EachBatchPayload } from '../client/kafkajs-client.js';
import type { Taken } from '../consume/offset-tracker.js';
import type { Partition } from '../consume/partition.js';
import { OffsetResetReports } from '../consume/offset-reset-reports.js';
import { AssignedPartitions } from '../consume/assigned-partitions.js';
import { DELAY_LEVELS, type DelayLevel } from '../topology/delay-levels.js';
import { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { ParkedDelays } from './parked-delays.js';

/** Messages due within this are kept in memory; a partition whose next message is due later is paused. */
const AHEAD_MS = 2_000;
const MAX_IN_MEMORY = 20_000;
/** Code of the problem of a router that gets no messages. */
const DELAYS_INTERRUPTED = 'delays_interrupted';
/** Longest wait for the time of the broker. */
const ASK_TIME_MS = 2_000;
/** The type of a timestamp that the broker has set. */
const BROKER_TIME = 1;
/** Wait before a failed forward is retried. Where no dead letter can be stored now, the wait grows. */
const RETRY_MS = 1_000;

interface Wait {
  /** Until it leaves this topic. */
  readonly readyMs: number;
  /** Until it is due. */
  readonly leftMs: number;
}

interface Read extends Wait {
  readonly opened: DecodedRecord;
}

interface Waiting {
  readonly partition: Partition;
  readonly taken: Taken;
  readonly opened: DecodedRecord;
  /** Undefined when it cannot be read. */
  readonly delay: Delay | undefined;
  /** When nothing of its delay is left, on the monotonic clock. */
  readonly dueAt: number;
  /** What an operator is to know of it when it cannot be read. */
  readonly whyUnreadable: string;
}

/**
 * Forwards messages that have waited long enough: to their destination, or to the wait topic for the rest of their delay. Every
 * process that consumes runs one; each wait topic is assigned to one of them.
 */
export class DelayRouter implements ReaderListener {
  readonly #partitions: AssignedPartitions;
  readonly #membership: GroupMembership;
  #reader: GroupReader | undefined;
  readonly #committer: OffsetCommitter;
  readonly #waiting: DueQueue<Waiting>;
  readonly #tiers: ReadonlyMap<string, DelayLevel>;
  readonly #parked: ParkedDelays;
  readonly #formats: NewerFormats;
  readonly #sending = new Set<Promise<void>>();
  #starting: Promise<void> | undefined;
  #isClosed = false;

  constructor(
    private readonly services: ConsumerServices,
    consumers: Iterable<KafkaConsumer>,
    private readonly report: (error: unknown) => void,
  ) {
    this.#parked = new ParkedDelays(services.context, consumers);
    const { connection, topics, context } = services;
    const { names } = topics;
    this.#tiers = new Map(DELAY_LEVELS.map((tier) => [names.wait(tier.name), tier]));
    const read = [...this.#tiers.keys()];
    const partitions = (): number => topics.partitionsOfAll(read);
    this.#membership = new GroupMembership(connection, { id: names.router, topics: read, partitions });
    const resets = new OffsetResetReports(context, services.problems, (topic) => ({
      topic,
      groupId: names.router,
    }));
    this.#formats = new NewerFormats({
      label: connection.label,
      problems: services.problems,
      clock: context.clock,
    });
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
    this.#waiting = new DueQueue(context.clock, (waiting) => this.#begin(waiting));
  }

  /** Rejects when it cannot start now, and can be called again. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    await Promise.all(this.#sending);
    await this.#committer.now(false).catch(() => undefined);
    await this.#reader?.close();
    this.#partitions.dropAll();
    this.#formats.ended();
  }

  assigned(assignment: Assignment, isSame: boolean): void {
    this.#partitions.assign(assignment, isSame);
    void this.#partitions.opened().then(() => this.#committer.later()); // where it begins may be another place than was stored
  }

  outOfRange(topic: string, partition: number): Promise<number | undefined> {
    return this.#partitions.outOfRange(topic, partition);
  }

  skipped(topic: string, partition: number, to: number): void {
    this.#partitions.skip(topic, partition, to);
    this.#committer.later();
  }

  /** The next owner would forward the same messages again otherwise. */
  async beforeRebalance(): Promise<void> {
    await Promise.all(this.#sending);
    await this.#committer.now(false).catch(() => undefined);
  }

  lost(): void {
    this.#partitions.dropAll();
  }

  interrupted({ code, text }: InterruptionReason): void {
    const { router } = this.services.topics.names;
    const detail = `Delayed messages and retries wait while this process cannot read them as a member of the group "${router}", and tries again: ${text}`;
    this.services.problems.add({ code: DELAYS_INTERRUPTED, reason: code, detail });
  }

  reading(): void {
    this.services.problems.solve(DELAYS_INTERRUPTED);
  }

  failed(error: unknown): void {
    if (!this.#isClosed) this.report(failureOf(error, this.services.connection.label, true).error);
  }

  async batch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const partition = await this.#partitions.ofBatch(batch);
    const tier = this.#tiers.get(batch.topic);
    if (!partition || !tier) return;
    await this.#askTime();
    for (const record of batch.messages) {
      if (!payload.isRunning() || payload.isStale() || partition.isLost) return;
      const { topic, partition: id } = batch;
      const opened = decode(record, { topic, partition: id, isPublic: false });
      const { readyMs, leftMs } = this.#waitOf(opened, tier, record);
      const tooEarlyMs = readyMs - AHEAD_MS;
      if ((tier.waitMs !== undefined && tooEarlyMs > 0) || this.#waiting.size >= MAX_IN_MEMORY) {
        const resume = payload.pause();
        this.services.context.clock.schedule(Math.max(RETRY_MS / 4, tooEarlyMs), resume);
        return;
      }
      this.#take(partition, record, { opened, readyMs, leftMs });
      payload.resolveOffset(record.offset);
    }
    partition.tracker.skipTo(Number(batch.lastOffset()) + 1);
    payload.resolveOffset(batch.lastOffset());
    this.#committer.later();
    await payload.heartbeat();
  }

  async #start(): Promise<void> {
    this.#reader ??= new GroupReader(this.services.connection, this.#membership, this);
    await this.services.topics.wait();
    await this.#reader.start();
  }

  #take(partition: Partition, record: FetchedMessage, { opened, readyMs, leftMs }: Read): void {
    const offset = Number(record.offset);
    if (offset < partition.tracker.next) return;
    if (opened.newerFormat !== undefined) {
      this.#leave(partition, record, opened);
      return;
    }
    const taken = partition.tracker.take(offset, opened.message.id);
    const { delay } = opened;
    if (partition.isKnownSettled(taken)) {
      this.#settle(partition, taken);
      return;
    }
    const whyUnreadable = whyOf(record, partition);
    if (!delay) this.#reportUnreadable(partition, whyUnreadable);
    const dueAt = this.services.context.clock.monotonic() + leftMs;
    this.#waiting.add({ partition, taken, opened, delay, dueAt, whyUnreadable }, readyMs);
  }

  /** It stays unsettled, so that the next owner of the partition reads it again. */
  #leave(partition: Partition, record: FetchedMessage, { message, newerFormat }: DecodedRecord): void {
    const taken = partition.tracker.take(Number(record.offset), message.id);
    if (partition.isKnownSettled(taken)) this.#settle(partition, taken);
    else this.#formats.found('delayed messages', newerFormat, () => !partition.isLost);
  }

  #reportUnreadable({ topic }: Partition, why: string): void {
    const detail = `${why} It becomes a dead letter. Find out what writes to this topic, and permit only Switchyard to.`;
    this.services.problems.happened({ code: 'unreadable_record', topic, detail });
  }

  /** So that {@link BrokerClock} knows the time. Without an answer messages wait for longer than they have to. */
  async #askTime(): Promise<void> {
    const { connection, producer } = this.services;
    if (connection.brokerClock.isFresh) return;
    await producer.ping(this.services.context.clock.monotonic() + ASK_TIME_MS).catch(() => undefined);
  }

  /**
   * How long a record waits here, and in all, from now on: by the time at which the broker stored it, because the clock of the process
   * that published it, and of this one, may be wrong. Only where a topic has the times of publishers these clocks count; then no
   * difference makes a message wait longer than its whole delay.
   */
  #waitOf(
    { delay, newerFormat }: DecodedRecord,
    { waitMs = Infinity }: DelayLevel,
    record: FetchedMessage,
  ): Wait {
    if (!delay || newerFormat !== undefined) return { readyMs: 0, leftMs: 0 };
    const storedAt = Number(record.timestamp);
    const now = this.services.context.clock.now();
    const isBrokerTime = record.batchContext?.timestampType === BROKER_TIME;
    const sinceMs = isBrokerTime
      ? this.services.connection.brokerClock.sinceMs(storedAt)
      : Math.max(0, now - storedAt);
    const leftMs = isBrokerTime ? delay.delayMs - sinceMs : Math.min(delay.dueAt - now, delay.delayMs);
    return { readyMs: Math.max(0, Math.min(leftMs, waitMs - sinceMs)), leftMs: Math.max(0, leftMs) };
  }

  #begin(waiting: Waiting): void {
    const sending = this.#sendOn(waiting).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #sendOn(waiting: Waiting): Promise<void> {
    const { partition, taken, delay } = waiting;
    if (partition.isLost) return; // its new owner forwards it
    const waitMs = delay ? await this.#forward(waiting, delay) : await this.#park(waiting);
    if (waitMs === undefined) this.#settle(partition, taken);
    else if (!this.#isGone(partition)) this.#waiting.add(waiting, Math.max(RETRY_MS, waitMs));
  }

  /** A method, so that TypeScript does not narrow the flag across an await. */
  #isGone({ isLost }: Partition): boolean {
    return isLost || this.#isClosed;
  }

  /** Returns how long to wait before the next try, in ms, or nothing once it is safe. */
  async #forward(waiting: Waiting, delay: Delay): Promise<number | undefined> {
    const outcome = await this.#send(waiting, delay);
    if (outcome?.kind === 'accepted') return undefined;
    if (!outcome) return RETRY_MS;
    this.failed(outcome.error);
    return outcome.kind === 'refused' ? this.#park(waiting, outcome.error) : RETRY_MS;
  }

  /**
   * @param refusal why its destination does not take it; without, it cannot be read.
   * @returns as {@link #forward}.
   */
  async #park({ opened, whyUnreadable }: Waiting, refusal?: Error): Promise<number | undefined> {
    const { message, attempt, to } = opened;
    const unacceptable = refusal
      ? ({ reason: 'rejected', detail: refusal.message } as const)
      : ({ reason: 'deserialization_failed', detail: whyUnreadable } as const);
    try {
      return await this.#parked.keep({ message, attempt, to, unacceptable });
    } catch (error) {
      this.failed(error);
      return error instanceof NotKeptError ? error.retryAfterMs : RETRY_MS;
    }
  }

  async #send(
    { opened: { message, attempt }, dueAt }: Waiting,
    { topic, group }: Delay,
  ): Promise<PublishOutcome | undefined> {
    const { clock } = this.services.context;
    const now = clock.monotonic();
    const deadline = now + this.services.connection.options.requestTimeoutMs;
    const parcel = { messages: [message], transit: { attempt }, deadline };
    const delay = { topic, group, delayMs: Math.max(0, dueAt - now) };
    const [outcome] = await this.services.producer.postpone(delay, parcel);
    return outcome;
  }

  #settle(partition: Partition, taken: Taken): void {
    partition.settle(taken);
    this.#committer.later();
  }
}

function whyOf({ offset, unreadable }: FetchedMessage, { topic, id }: Partition): string {
  if (unreadable) return unreadableText(unreadable, { topic, partition: id });
  return `The record at offset ${offset} of partition ${id} of the wait topic "${topic}" has no readable destination and delay.`;
}
