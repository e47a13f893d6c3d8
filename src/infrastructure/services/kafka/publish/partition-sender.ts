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

/** All requests and retries of the client for one batch. */
const SEND_PATIENCE = 3;

export interface SenderServices {
  readonly connection: KafkaConnection;
  readonly topics: Topics;
  readonly semaphore: Semaphore;
}

/**
 * What is sent to one partition: one request at a time, so that order is kept; the others gather meanwhile. A request has nothing for
 * other partitions, because the client tries all of it again, and so stores again what others have taken, when one of them says no.
 */
export class PartitionSender {
  readonly #waiting = new OutboundQueue();
  #isScheduled = false;
  #isSending = false;

  constructor(
    private readonly place: { readonly topic: string; readonly partition: number },
    private readonly services: SenderServices,
    /** Asked after each request whether there is more for it. */
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
        await semaphore.acquire(); // what comes meanwhile goes along
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
      sending.catch(() => undefined); // it may fail long after it was given up
      const written = await withDeadline(
        Promise.race([sending, ended]),
        SEND_PATIENCE * requestTimeoutMs,
        () => connection.silentError(),
      );
      // The client calls a request done that it has given to nobody, because the leader has changed meanwhile.
      if (!written.some((answer) => answer.partition === partition))
        throw new MissingAnswerError('The client has sent nothing to this partition.');
      for (const { call, index } of batch) call.settle(index, ACCEPTED);
    } catch (error) {
      if (batch.length === 1 || !isOfBatch(error)) this.#failed(batch, error, producer);
      else await this.#sendEach(batch);
    }
  }

  /** One of them is refused, and nobody says which. */
  async #sendEach(batch: readonly OutboundRecord[]): Promise<void> {
    for (const outbound of batch) if (!outbound.call.isOver) await this.#send([outbound]);
  }

  #failed(batch: readonly OutboundRecord[], error: unknown, producer: Producer): void {
    const { connection, topics } = this.services;
    const failure = failureOf(error, connection.label, true);
    if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') topics.forget(); // somebody has deleted it
    // Sequence numbers of what failed must never be given to something else.
    if (failure.kind === 'unknown') connection.failed(producer, error);
    this.#failAll(batch, failure);
  }

  #failAll(batch: readonly OutboundRecord[], failure: BrokerFailure): void {
    for (const { call, index } of batch) call.settle(index, failure);
  }
}
