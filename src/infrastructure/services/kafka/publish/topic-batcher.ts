import { failureOf } from '../client/kafka-errors.js';
import { OutboundQueue } from './outbound-queue.js';
import { type SenderServices, PartitionSender } from './partition-sender.js';
import type { OutboundRecord } from './pending-publish.js';

/** Sends to one topic: a message with a key to the partition of that key, one without to an idle partition. */
export class TopicBatcher {
  readonly #lanes: PartitionSender[] = [];
  readonly #keyless = new OutboundQueue();
  #isScheduled = false;
  #next = Math.floor(Math.random() * 1_000); // so that processes that have just started do not all begin with the first partition
  #hashing: { readonly partitions: number; readonly partitionOf: (key: string) => number } | undefined;

  constructor(
    private readonly topic: string,
    private readonly services: SenderServices,
  ) {}

  /** Leaves with all that the same turn of the event loop adds. */
  add(outbound: OutboundRecord): void {
    const { connection, topics } = this.services;
    const partitions = topics.partitionsOf(this.topic);
    const { key } = outbound.record;
    if (partitions === undefined || !connection.isUp)
      outbound.call.settle(outbound.index, failureOf(undefined, connection.label, false));
    else if (key === null) {
      this.#keyless.add(outbound);
      if (!this.#isScheduled) {
        this.#isScheduled = true;
        process.nextTick(this.#spread);
      }
    } else this.#lane(this.#hashed(key, partitions)).add(outbound);
  }

  readonly #spread = (): void => {
    this.#isScheduled = false;
    const first = this.#next++; // another partition is first each time
    const partitions = this.#partitions;
    const all = Array.from({ length: partitions }, (_, step) => this.#lane((first + step) % partitions));
    const idle = all.filter(({ isBusy }) => !isBusy);
    idle.forEach((lane, nth) => this.#give(lane, idle.length - nth));
  };

  /** Gives the partition its share of the queued messages without a key. */
  #give(lane: PartitionSender, sharers: number): void {
    for (const outbound of this.#keyless.take(Math.ceil(this.#keyless.size / sharers))) lane.add(outbound);
  }

  get #partitions(): number {
    return this.services.topics.partitionsOf(this.topic) ?? 1;
  }

  #lane(partition: number): PartitionSender {
    return (this.#lanes[partition] ??= new PartitionSender(
      { topic: this.topic, partition },
      this.services,
      (lane) => this.#give(lane, this.#partitions),
    ));
  }

  /** As Kafka's own clients do, so that a key has the same partition from every client. */
  #hashed(key: string, partitions: number): number {
    if (this.#hashing?.partitions !== partitions)
      this.#hashing = { partitions, partitionOf: this.#partitioner(partitions) };
    return this.#hashing.partitionOf(key);
  }

  #partitioner(partitions: number): (key: string) => number {
    const choose = this.services.connection.client.kafkajs.Partitioners.DefaultPartitioner();
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
