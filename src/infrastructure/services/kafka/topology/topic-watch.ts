import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import { typeOf } from '../client/kafka-errors.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type { TopicChecks } from './topic-checks.js';
import type { WantedTopic } from './topic-settings.js';

/** Topics whose settings are read at a time; the next ones follow the next time. */
const SETTINGS_BATCH_SIZE = 200;

/** The topics that a process uses, with what it knows of them. */
export interface WatchedTopics {
  used(): readonly WantedTopic[];
  partitionsOf(topic: string): number | undefined;
  /** Messages are sent to this many partitions from now on. */
  setPartitions(topic: string, count: number): void;
  /** Topics are looked up again before they are used. */
  forget(): void;
}

/**
 * Looks regularly whether partitions were added or settings changed. Partitions are used for messages one half of `metadataMaxAgeMs`
 * after they are found, because the client's producer does not know them earlier.
 */
export class TopicWatch {
  readonly #found = new Map<string, number>();
  #isRunning = false;
  #next = 0;

  constructor(
    private readonly link: KafkaConnection,
    private readonly topics: WatchedTopics,
    private readonly checks: TopicChecks,
    private readonly problems: ProblemList,
  ) {}

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#later();
  }

  get #halfMs(): number {
    return this.link.options.metadataMaxAgeMs / 2;
  }

  #later(): void {
    if (!this.link.isClosed) this.link.clock.schedule(this.#halfMs, () => void this.#look());
  }

  /** What cannot be asked now is asked the next time. */
  async #look(): Promise<void> {
    if (this.link.isUp) {
      const used = this.topics.used();
      await this.#comparePartitions(used).catch((error: unknown) => {
        if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') this.topics.forget(); // one was deleted
      });
      await this.checks.again(this.#nextOf(used));
    }
    this.#later();
  }

  #nextOf(used: readonly WantedTopic[]): readonly WantedTopic[] {
    if (this.#next >= used.length) this.#next = 0;
    const next = used.slice(this.#next, this.#next + SETTINGS_BATCH_SIZE);
    this.#next += next.length;
    return next;
  }

  async #comparePartitions(used: readonly WantedTopic[]): Promise<void> {
    if (used.length === 0) return;
    const names = used.map(({ topic }) => topic);
    const { topics } = await this.link.askOptional((admin) => admin.fetchTopicMetadata({ topics: names }));
    const counts = new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
    for (const wanted of used) {
      const known = this.#found.get(wanted.topic) ?? this.topics.partitionsOf(wanted.topic);
      const count = counts.get(wanted.topic);
      if (known !== undefined && count !== undefined && count !== known) this.#changed(wanted, known, count);
    }
  }

  #changed({ topic, place }: WantedTopic, before: number, count: number): void {
    if (count < before) {
      this.#found.delete(topic);
      this.topics.setPartitions(topic, count);
      return;
    }
    this.#found.set(topic, count);
    this.link.clock.schedule(this.#halfMs, () => {
      if (this.#found.get(topic) !== count) return;
      this.#found.delete(topic);
      this.topics.setPartitions(topic, count);
    });
    const detail = `Topic "${topic}" has ${count} partitions instead of ${before}. Keys move: for up to two times ${this.link.options.metadataMaxAgeMs} ms, and until their earlier messages are handled, messages of one key may be in two partitions and lose their order.`;
    this.problems.happened({ code: 'partitions_added', ...place, detail });
  }
}
