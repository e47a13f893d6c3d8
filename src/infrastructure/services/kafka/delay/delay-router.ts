import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { DueQueue } from '../../../../core/messaging/transport-kit/due-queue.js';
import type { PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import { OffsetCommitter } from '../consume/offset-committer.js';
import { GroupMembership } from '../consume/group-membership.js';
import { type Assignment, GroupReader, type ReaderListener } from '../consume/group-reader.js';
import type { ConsumerServices } from '../consume/kafka-consumer.js';
import { failureOf } from '../client/kafka-errors.js';
import { type Delay, decode, type DecodedRecord } from '../wire/kafka-record.js';
import type { EachBatchPayload } from '../client/kafkajs-client.js';
import type { Taken } from '../consume/offset-tracker.js';
import type { Partition } from '../consume/partition.js';
import { AssignedPartitions } from '../consume/assigned-partitions.js';
import { DELAY_LEVELS, type DelayLevel } from '../topology/delay-levels.js';

/** Messages due within this are kept in memory; a partition whose next message is due later is paused. */
const AHEAD_MS = 2_000;
const MAX_IN_MEMORY = 20_000;
/** Wait before a failed forward is retried. */
const RETRY_MS = 1_000;

interface Waiting {
  readonly partition: Partition;
  readonly taken: Taken;
  readonly opened: DecodedRecord;
  readonly delay: Delay;
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
  readonly #sending = new Set<Promise<void>>();
  #starting: Promise<void> | undefined;
  #isClosed = false;

  constructor(
    private readonly services: ConsumerServices,
    private readonly report: (error: unknown) => void,
  ) {
    const { connection, topics, context } = services;
    const { names } = topics;
    this.#tiers = new Map(DELAY_LEVELS.map((tier) => [names.wait(tier.name), tier]));
    this.#partitions = new AssignedPartitions(connection, names.router, (error) => this.failed(error));
    const read = [...this.#tiers.keys()];
    const partitions = (): number => topics.partitionsOfAll(read);
    this.#membership = new GroupMembership(connection, { id: names.router, topics: read, partitions });
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
    const partition = await this.#partitions.get(batch.topic, batch.partition);
    const tier = this.#tiers.get(batch.topic);
    if (!partition || !tier) return;
    for (const record of batch.messages) {
      if (!payload.isRunning() || payload.isStale() || partition.isLost) return;
      const opened = decode(record);
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
    if (partition.isKnownSettled(taken)) this.#settle(partition, taken);
    else if (delay) {
      const delayMs = Math.max(0, readyAt - this.services.context.clock.now());
      this.#waiting.add({ partition, taken, opened, delay }, delayMs);
    } else {
      const text = `${this.services.connection.label}: a message that is not ours is in topic "${partition.topic}" at ${partition.id}/${offset}. It is left there.`;
      this.failed(new MessagingError('HEADER_INVALID', text));
      this.#settle(partition, taken);
    }
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
    const outcome = await this.#send(waiting);
    if (outcome?.kind === 'accepted') this.#settle(waiting.partition, waiting.taken);
    if (outcome?.kind === 'accepted' || waiting.partition.isLost || this.#isClosed) return;
    if (outcome) this.failed(outcome.error);
    this.#waiting.add(waiting, RETRY_MS);
  }

  async #send({
    opened: { message, attempt },
    delay,
    partition,
  }: Waiting): Promise<PublishOutcome | undefined> {
    if (partition.isLost) return undefined; // its new owner forwards it
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
