import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type { Consumer } from '../client/kafkajs-client.js';

interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly metadata?: string;
}

interface ReadGroup {
  readonly id: string;
  readonly topics: readonly string[];
  /** Of these topics together, as far as it is known. */
  readonly partitions: () => number;
}

/** Requests of a member to its group. {@link GroupReader} sets the client's consumer that is the member now. */
export class GroupMembership {
  consumer: Consumer | undefined;

  constructor(
    private readonly link: KafkaConnection,
    readonly group: ReadGroup,
  ) {}

  /** Stops intake and stays a member. */
  pauseAll(): void {
    try {
      this.consumer?.pause(this.group.topics.map((topic) => ({ topic })));
    } catch {
      // A consumer that has not started, or has just crashed, delivers nothing and has nothing to pause.
    }
  }

  /** Stops intake from one partition. */
  pause(topic: string, partition: number): void {
    try {
      this.consumer?.pause([{ topic, partitions: [partition] }]);
    } catch {
      // It reads nothing at the moment, and asks again when it does.
    }
  }

  /** Reading continues at the offset. */
  seek(topic: string, partition: number, offset: number): void {
    try {
      this.consumer?.seek({ topic, partition, offset: String(offset) });
    } catch {
      // It reads nothing at the moment, and begins at the committed offset when it does.
    }
  }

  /** @throws MessagingError `TRANSPORT_UNAVAILABLE` while there is no member. */
  async commit(offsets: PartitionOffset[]): Promise<void> {
    if (offsets.length === 0) return;
    if (!this.consumer)
      throw new MessagingError(
        'TRANSPORT_UNAVAILABLE',
        `${this.link.label}: group "${this.group.id}" is not joined at the moment, so that its offsets cannot be committed.`,
      );
    await withDeadline(this.consumer.commitOffsets(offsets), this.link.options.requestTimeoutMs, () =>
      this.link.silentError(),
    );
  }
}
