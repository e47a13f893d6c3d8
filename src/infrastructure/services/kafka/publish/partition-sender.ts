import type { BrokerFailure } from '../../../../core/messaging/transport-kit/broker-failure.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';
import { numberOf } from '../kafkajs/compression.js';
import type { Semaphore } from '../connection/semaphore.js';
import { failureOf, isOfBatch, MissingAnswerError, typeOf } from '../client/kafka-errors.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type { Producer } from '../client/kafkajs-client.js';
import { OutboundQueue } from './outbound-queue.js';
import { ACCEPTED, type OutboundRecord } from './pending-publish.js';
import type { Topics } from '../topology/topics.js';

/** Request timeouts that the client may use for one batch, with its retries. */
const SEND_PATIENCE = 3;

export interface SenderServices {
  readonly connection: KafkaConnection;
  readonly topics: Topics;
  readonly semaphore: Semaphore;
}

/**
 * Sends to one partition: one request at a time, so that order is kept; later messages queue meanwhile. A request holds one partition
 * only, because the client repeats the whole request, and so duplicates what other partitions have stored, when one of them fails.
 */
export class PartitionSender {
  readonly #waiting = new OutboundQueue();
  #isScheduled = false;
  #isSending = false;

  constructor(
    private readonly place: { readonly topic: string; readonly partition: number },
    private readonly services: SenderServices,
    /** Called after each request to queue more for it. */
    private readonly refill: (lane: PartitionSender) => void,
  ) {}

  get isBusy(): boolean {
    return this.#isSending || this.#isScheduled;
  }

  /** Leaves with all that the same turn of the event loop adds. */
  add(outbound: OutboundRecord): void {
    this.#waiting.add(outbound);
    if (this.isBusy) return;
    this.#isScheduled = true;
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    void this.#run();
  };

  async #run(): Promise<void> {
    const { semaphore } = this.services;
    this.#isSending = true;
    try {
      while (this.#waiting.size > 0) {
        await semaphore.acquire(); // messages that arrive meanwhile join the batch
        await this.#sendBatch().finally(() => semaphore.release());
        this.refill(this);
      }
    } finally {
      this.#isSending = false;
    }
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#waiting.takeBatch(this.services.connection.options.maxMessageBytes);
    if (batch.length > 0) await this.#send(batch);
  }

  async #send(batch: readonly OutboundRecord[]): Promise<void> {
    const { connection, topics } = this.services;
    const { topic, partition } = this.place;
    if (!connection.isUp || topics.partitionsOf(topic) === undefined) {
      this.#failAll(batch, failureOf(undefined, connection.label, false));
      return;
    }
    const { producer, ended, kafkajs } = connection.client;
    for (const { call, index, record } of batch) {
      record.partition = partition;
      call.sent(index);
    }
    const { requestTimeoutMs, compression } = connection.options;
    const messages = batch.map(({ record }) => record);
    try {
      const sending = producer.sendBatch({
        acks: -1,
        timeout: requestTimeoutMs,
        compression: numberOf(compression, kafkajs),
        topicMessages: [{ topic, messages }],
      });
      sending.catch(() => undefined); // it may fail long after its deadline
      const written = await withDeadline(
        Promise.race([sending, ended]),
        SEND_PATIENCE * requestTimeoutMs,
        () => connection.silentError(),
      );
      // The client reports success of a request that it has sent to no broker, because the leader has changed meanwhile.
      const answer = written.find((each) => each.partition === partition);
      if (!answer) throw new MissingAnswerError('The client has sent nothing to this partition.');
      connection.brokerClock.seen(Number(answer.logAppendTime));
      for (const { call, index } of batch) call.settle(index, ACCEPTED);
    } catch (error) {
      if (batch.length === 1 || !isOfBatch(error)) this.#failed(batch, error, producer);
      else await this.#sendEach(batch);
    }
  }

  /** One of them is refused, and the broker does not name it. */
  async #sendEach(batch: readonly OutboundRecord[]): Promise<void> {
    for (const outbound of batch) if (!outbound.call.isOver) await this.#send([outbound]);
  }

  #failed(batch: readonly OutboundRecord[], error: unknown, producer: Producer): void {
    const { connection, topics } = this.services;
    const failure = failureOf(error, connection.label, true);
    if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') topics.forget(); // it was deleted
    // Sequence numbers of a failed batch must never be reused for another.
    if (failure.kind === 'unknown') connection.failed(producer, error);
    this.#failAll(batch, failure);
  }

  #failAll(batch: readonly OutboundRecord[], failure: BrokerFailure): void {
    for (const { call, index } of batch) call.settle(index, failure);
  }
}
