import { DueQueue } from '../../../../core/messaging/transport-kit/due-queue.js';
import type { PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import { OffsetCommitter } from '../consume/offset-committer.js';
import { GroupMembership } from '../consume/group-membership.js';
import { type Assignment, GroupReader, type ReaderListener } from '../consume/group-reader.js';
import type { ConsumerServices, KafkaConsumer } from '../consume/kafka-consumer.js';
import { failureOf } from '../client/kafka-errors.js';
import { type Delay, decode, type DecodedRecord } from '../wire/kafka-record.js';
import type { EachBatchPayload } from '../client/kafkajs-client.js';
import type { Taken } from '../consume/offset-tracker.js';
import type { Partition } from '../consume/partition.js';
import { OffsetResetReports } from '../consume/offset-reset-reports.js';
import { AssignedPartitions } from '../consume/assigned-partitions.js';
import { DELAY_LEVELS, type DelayLevel } from '../topology/delay-levels.js';
import { ParkedDelays } from './parked-delays.js';

/** Messages due within this are kept in memory; a partition whose next message is due later is paused. */
const AHEAD_MS = 2_000;
const MAX_IN_MEMORY = 20_000;
/** Wait before a failed forward is retried. */
const RETRY_MS = 1_000;

interface Waiting {
  readonly partition: Partition;
  readonly taken: Taken;
  readonly opened: DecodedRecord;
  /** Undefined when it cannot be read. */
  readonly delay: Delay | undefined;
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
    this.#partitions = new AssignedPartitions(connection, this.#membership, resets, (error) =>
      this.failed(error),
    );
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

  failed(error: unknown): void {
    if (!this.#isClosed) this.report(failureOf(error, this.services.connection.label, true).error);
  }

  async batch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const partition = await this.#partitions.ofBatch(batch);
    const tier = this.#tiers.get(batch.topic);
    if (!partition || !tier) return;
    for (const record of batch.messages) {
      if (!payload.isRunning() || payload.isStale() || partition.isLost) return;
      const { topic, partition: id } = batch;
      const opened = decode(record, { topic, partition: id, isPublic: false });
      const readyAt = this.#readyAt(opened, tier, Number(record.timestamp));
      const tooEarlyMs = readyAt - this.services.context.clock.now() - AHEAD_MS;
      if ((tier.waitMs !== undefined && tooEarlyMs > 0) || this.#waiting.size >= MAX_IN_MEMORY) {
        const resume = payload.pause();
        this.services.context.clock.schedule(Math.max(RETRY_MS / 4, tooEarlyMs), resume);
        return;
      }
      this.#take(partition, opened, Number(record.offset), readyAt);
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

  #take(partition: Partition, opened: DecodedRecord, offset: number, readyAt: number): void {
    if (offset < partition.tracker.next) return;
    const taken = partition.tracker.take(offset, opened.message.id);
    const { delay } = opened;
    if (partition.isKnownSettled(taken)) {
      this.#settle(partition, taken);
      return;
    }
    if (!delay) this.#reportUnreadable(partition, taken);
    const delayMs = Math.max(0, readyAt - this.services.context.clock.now());
    this.#waiting.add({ partition, taken, opened, delay }, delayMs);
  }

  #reportUnreadable(partition: Partition, taken: Taken): void {
    const detail = `${unreadable(partition, taken)} It becomes a dead letter. Find out what writes to this topic, and permit only Switchyard to.`;
    this.services.problems.happened({ code: 'unreadable_record', topic: partition.topic, detail });
  }

  /** Clocks differ between machines; no difference makes a message wait longer than its whole delay. */
  #readyAt({ delay }: DecodedRecord, { waitMs }: DelayLevel, writtenAt: number): number {
    const now = this.services.context.clock.now();
    if (!delay) return now;
    const dueAt = Math.min(delay.dueAt, now + delay.delayMs);
    if (waitMs === undefined) return dueAt;
    return Math.min(dueAt, Math.min(writtenAt, now) + waitMs);
  }

  #begin(waiting: Waiting): void {
    const sending = this.#sendOn(waiting).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #sendOn(waiting: Waiting): Promise<void> {
    const { partition, taken, delay } = waiting;
    if (partition.isLost) return; // its new owner forwards it
    const isSafe = delay ? await this.#isForwarded(waiting, delay) : await this.#isParked(waiting);
    if (isSafe) this.#settle(partition, taken);
    else if (!this.#isGone(partition)) this.#waiting.add(waiting, RETRY_MS);
  }

  /** A method, so that TypeScript does not narrow the flag across an await. */
  #isGone({ isLost }: Partition): boolean {
    return isLost || this.#isClosed;
  }

  async #isForwarded(waiting: Waiting, delay: Delay): Promise<boolean> {
    const outcome = await this.#send(waiting, delay);
    if (outcome?.kind === 'accepted') return true;
    if (!outcome) return false;
    this.failed(outcome.error);
    return outcome.kind === 'refused' && this.#isParked(waiting, outcome.error);
  }

  /** @param refusal why its destination does not take it; without, it cannot be read. */
  async #isParked({ partition, taken, opened }: Waiting, refusal?: Error): Promise<boolean> {
    const { message, attempt, to } = opened;
    const unacceptable = refusal
      ? ({ reason: 'rejected', detail: refusal.message } as const)
      : ({ reason: 'deserialization_failed', detail: unreadable(partition, taken) } as const);
    try {
      return await this.#parked.keep({ message, attempt, to, unacceptable });
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  async #send({ opened: { message, attempt } }: Waiting, delay: Delay): Promise<PublishOutcome | undefined> {
    const { clock } = this.services.context;
    const now = clock.now();
    const dueAt = Math.min(delay.dueAt, now + delay.delayMs);
    const deadline = clock.monotonic() + this.services.connection.options.requestTimeoutMs;
    const parcel = { messages: [message], transit: { attempt }, deadline };
    const [outcome] = await this.services.producer.postpone({ ...delay, dueAt }, parcel);
    return outcome;
  }

  #settle(partition: Partition, taken: Taken): void {
    partition.settle(taken);
    this.#committer.later();
  }
}

function unreadable({ topic, id }: Partition, { offset }: Taken): string {
  return `The record at offset ${offset} of partition ${id} of the wait topic "${topic}" has no readable destination and delay.`;
}
