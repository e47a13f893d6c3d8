import { within } from '../../../core/messaging/transport-kit/within.js';
import { failureOf, isOfBatch, type KafkaFailure, typeOf } from './kafka-errors.js';
import type { KafkaLink } from './kafka-link.js';
import type { Producer } from './kafkajs-client.js';
import { BatchRoom } from './batch-room.js';
import { numberOf } from './compression.js';
import type { Gate } from './gate.js';
import { ACCEPTED, type Outbound } from './publish-call.js';
import type { Topics } from './topics.js';

const MAX_BATCH = 2_000;
/** All requests and retries of the client for one batch. */
const SEND_PATIENCE = 3;

/** What is sent to one topic: one request at a time, so that order is kept; the others gather meanwhile. */
export class ProducerLane {
  #waiting: Outbound[] = [];
  #isScheduled = false;
  #isSending = false;
  #turn = 0;
  #hashing: { readonly partitions: number; readonly partitionOf: (key: string) => number } | undefined;

  constructor(
    private readonly topic: string,
    private readonly link: KafkaLink,
    private readonly topics: Topics,
    private readonly gate: Gate,
  ) {}

  /** Leaves with all that the same turn of the event loop adds. */
  add(outbound: Outbound): void {
    this.#waiting.push(outbound);
    if (this.#isScheduled || this.#isSending) return;
    this.#isScheduled = true;
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    if (!this.#isSending) void this.#run();
  };

  async #run(): Promise<void> {
    this.#isSending = true;
    try {
      while (this.#waiting.length > 0) {
        await this.gate.enter(); // what comes meanwhile goes along
        await this.#sendBatch().finally(() => this.gate.leave());
      }
    } finally {
      this.#isSending = false;
    }
  }

  async #sendBatch(): Promise<void> {
    const partitions = this.topics.partitionsOf(this.topic);
    if (!this.link.isUp || partitions === undefined) {
      this.#failAll(this.#waiting.splice(0), failureOf(undefined, this.link.label, false));
      return;
    }
    const batch = this.#nextBatch(partitions);
    if (batch.length > 0) await this.#send(batch);
  }

  async #send(batch: readonly Outbound[]): Promise<void> {
    if (!this.link.isUp) {
      this.#failAll(batch, failureOf(undefined, this.link.label, true));
      return;
    }
    const { producer, ended, kafkajs } = this.link.client;
    for (const { call, index } of batch) call.sent(index);
    const { requestTimeoutMs, compression } = this.link.options;
    const messages = batch.map(({ record }) => record);
    try {
      const sending = producer.sendBatch({
        acks: -1,
        timeout: requestTimeoutMs,
        compression: numberOf(compression, kafkajs),
        topicMessages: [{ topic: this.topic, messages }],
      });
      sending.catch(() => undefined); // it may fail long after it was given up
      const written = await within(Promise.race([sending, ended]), SEND_PATIENCE * requestTimeoutMs, () =>
        this.link.silentError(),
      );
      this.#written(batch, new Set(written.map(({ partition }) => partition)), producer);
    } catch (error) {
      if (batch.length === 1 || !isOfBatch(error)) this.#failed(batch, error, producer);
      else await this.#sendEach(batch);
    }
  }

  /** One of them is refused, and nobody says which: those that another partition has taken may come twice, and none is told wrongly. */
  async #sendEach(batch: readonly Outbound[]): Promise<void> {
    for (const outbound of batch) if (!outbound.call.isOver) await this.#send([outbound]);
  }

  /** The client calls a request done when it has no answer for a partition whose leader has changed meanwhile. */
  #written(batch: readonly Outbound[], partitions: ReadonlySet<number>, producer: Producer): void {
    const lost: Outbound[] = [];
    for (const outbound of batch)
      if (partitions.has(outbound.record.partition)) outbound.call.tell(outbound.index, ACCEPTED);
      else lost.push(outbound);
    if (lost.length === 0) return;
    const cause = new Error('no answer for a partition');
    this.link.failed(producer, cause);
    this.#failAll(lost, failureOf(cause, this.link.label, true));
  }

  #failed(batch: readonly Outbound[], error: unknown, producer: Producer): void {
    const failure = failureOf(error, this.link.label, true);
    if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') this.topics.forget(); // somebody has deleted it
    // Sequence numbers of what failed must never be given to something else.
    if (failure.kind === 'unknown') this.link.failed(producer, error);
    this.#failAll(batch, failure);
  }

  #failAll(batch: readonly Outbound[], failure: KafkaFailure): void {
    for (const { call, index } of batch) call.tell(index, failure);
  }

  /** What fits into one request, with partitions chosen: keys by their hash, the rest in turn. */
  #nextBatch(partitions: number): Outbound[] {
    const batch: Outbound[] = [];
    const room = new BatchRoom(partitions, this.link.options.maxMessageBytes);
    let taken = 0;
    for (const outbound of this.#waiting) {
      if (batch.length === MAX_BATCH) break;
      if (!outbound.call.isOver) {
        const { record } = outbound;
        const bytes = record.mostBytes;
        const wanted = record.key === null ? this.#turn++ % partitions : this.#hashed(record.key, partitions);
        const found = record.key === null ? room.nearest(wanted, bytes) : room.only(wanted, bytes);
        if (found === undefined) break;
        room.take(found, bytes);
        record.partition = found;
        batch.push(outbound);
      }
      taken += 1;
    }
    this.#waiting = this.#waiting.slice(taken);
    return batch;
  }

  /** As Kafka's own clients do, so that a key stays where it is whoever sends it. */
  #hashed(key: string, partitions: number): number {
    if (this.#hashing?.partitions !== partitions)
      this.#hashing = { partitions, partitionOf: this.#partitioner(partitions) };
    return this.#hashing.partitionOf(key);
  }

  #partitioner(partitions: number): (key: string) => number {
    const choose = this.link.client.kafkajs.Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 0,
      replicas: [],
      isr: [],
    }));
    return (key) => choose({ topic: this.topic, partitionMetadata, message: { key, value: null } });
  }
}
