import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Destination } from '../../../../core/messaging/ports/transport.js';
import { typeOf } from '../client/kafka-errors.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type { KafkaOptions } from '../kafka.options.js';
import type { Admin } from '../client/kafkajs-client.js';
import type { ResourceNames } from './resource-names.js';
import { DELAY_LEVELS } from './delay-levels.js';

const POLL_MS = 50;
const CREATED_BATCH_SIZE = 100;
/** Topics wanted within this time are created together; later ones do not wait for a slow request. */
const GATHERED_FOR_MS = 100;
/** Overhead of a batch of one message, beyond the largest message. */
const BATCH_OVERHEAD_BYTES = 64 * 1024;
const PING_RETENTION_MS = 3_600_000;
/** Messages that are due are kept for this long while no process forwards them. */
const WAIT_SLACK_MS = 7 * 86_400_000;

interface Wanted {
  readonly topic: string;
  readonly partitions: number;
  readonly retentionMs: number;
}

/** Creates the topics that messages need on their way, each once, and waits until all of their partitions have a leader. */
export class Topics {
  readonly #known = new Map<string, Promise<number>>();
  readonly #ready = new Map<string, number>();
  /** What is created next. */
  #gathering: { readonly wanted: Wanted[]; readonly done: Promise<Map<string, number>> } | undefined;
  #creating: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly link: KafkaConnection,
    readonly names: ResourceNames,
    private readonly options: KafkaOptions,
    /** Called for a topic that differs from the options. */
    private readonly report: (error: MessagingError) => void,
  ) {}

  /** A topic was deleted, or its metadata are stale. */
  forget(): void {
    this.#known.clear();
    this.#ready.clear();
  }

  /** Number of its partitions; undefined while it is not known to be there. */
  partitionsOf(topic: string): number | undefined {
    return this.#ready.get(topic);
  }

  /** Of several topics together, as far as it is known. */
  partitionsOfAll(names: readonly string[]): number {
    return names.reduce((sum, name) => sum + (this.partitionsOf(name) ?? 0), 0);
  }

  /** Resolves with the number of partitions once messages can be sent there. */
  destination(to: Destination): Promise<number> {
    return this.#one({ topic: this.names.topic(to), ...this.#kept });
  }

  ping(): Promise<number> {
    return this.#one({ topic: this.names.ping, partitions: 1, retentionMs: PING_RETENTION_MS });
  }

  async wait(): Promise<void> {
    await Promise.all(this.#ensure(this.#waiting));
  }

  /** All that a group needs. */
  async subscription(to: Required<Destination>): Promise<void> {
    const own = [{ topic: to.topic }, to].map((each) => ({ topic: this.names.topic(each), ...this.#kept }));
    await Promise.all(this.#ensure([...own, ...this.#waiting]));
  }

  get #kept(): Omit<Wanted, 'topic'> {
    return { partitions: this.options.partitions, retentionMs: this.options.retentionMs };
  }

  get #waiting(): Wanted[] {
    return DELAY_LEVELS.map(({ name, waitMs = 0 }) => ({
      topic: this.names.wait(name),
      partitions: 1,
      retentionMs: waitMs + Math.max(WAIT_SLACK_MS, this.options.retentionMs),
    }));
  }

  #one(wanted: Wanted): Promise<number> {
    return this.#ensure([wanted])[0] as Promise<number>;
  }

  #ensure(wanted: readonly Wanted[]): Promise<number>[] {
    const unknown = wanted.filter(({ topic }) => !this.#known.has(topic));
    if (unknown.length > 0) {
      const creating = this.#createWithOthers(unknown);
      for (const each of unknown) {
        const counted = creating.then((counts) => counts.get(each.topic) ?? each.partitions);
        this.#known.set(each.topic, counted);
        counted.then(
          (count) => this.#known.get(each.topic) === counted && this.#ready.set(each.topic, count),
          () => this.#known.get(each.topic) === counted && this.#known.delete(each.topic),
        );
      }
    }
    return wanted.map(({ topic }) => this.#known.get(topic) as Promise<number>);
  }

  /** In one request with what others ask for while the one before is under way: each makes the client ask for all topics. */
  async #createWithOthers(wanted: readonly Wanted[]): Promise<Map<string, number>> {
    let together = this.#gathering;
    if (together && together.wanted.length + wanted.length <= CREATED_BATCH_SIZE)
      together.wanted.push(...wanted);
    else {
      const all = [...wanted];
      const done = this.#creating.then(() => {
        if (this.#gathering?.wanted === all) this.#gathering = undefined;
        return this.#create(all);
      });
      this.#creating = settlesWithin(done.then(noop, noop), GATHERED_FOR_MS, this.link.clock);
      this.#gathering = together = { wanted: all, done };
    }
    try {
      return await together.done;
    } catch (error) {
      if (together.wanted.length === wanted.length) throw error;
      return this.#create(wanted); // another topic of the request may have failed
    }
  }

  /** Asks first: existing topics can be used while the controller, which creates topics, is away. */
  async #create(wanted: readonly Wanted[]): Promise<Map<string, number>> {
    const { requestTimeoutMs: timeout } = this.options;
    const topics = wanted.map((each) => this.#definition(each));
    const deadline = this.link.clock.monotonic() + 3 * timeout;
    for (;;) {
      try {
        const counts = await this.#countsOf(wanted.map(({ topic }) => topic));
        if (counts) return counts;
        await this.link.ask((admin) => admin.createTopics({ topics, timeout, waitForLeaders: false }));
      } catch (error) {
        if (isFinal(error) || this.link.clock.monotonic() > deadline) throw error;
      }
      if (this.link.clock.monotonic() > deadline) throw this.link.silentError();
      await pause(POLL_MS);
    }
  }

  /** Undefined while one of them is not there, or has a partition without a leader. */
  async #countsOf(topics: string[]): Promise<Map<string, number> | undefined> {
    const asked = (admin: Admin): ReturnType<Admin['fetchTopicMetadata']> =>
      admin.fetchTopicMetadata({ topics });
    const found = await this.link.ask((admin) => asked(admin).catch(notThere));
    if (!found) return undefined;
    const counts = new Map<string, number>();
    for (const { name, partitions } of found.topics) {
      if (partitions.length === 0 || partitions.some(({ leader }) => leader < 0)) return undefined;
      counts.set(name, partitions.length);
      this.#compare(name, partitions);
    }
    return counts;
  }

  /** Reported and left as it is: only the owner of the topic knows the reason. */
  #compare(topic: string, partitions: readonly { readonly replicas: readonly number[] }[]): void {
    const wanted = this.options.replicationFactor;
    const least = Math.min(...partitions.map(({ replicas }) => replicas.length));
    if (wanted === undefined || least >= wanted) return;
    const text = `${this.link.label}: topic "${topic}" has ${least} of ${wanted} replicas. It was created otherwise and is left alone; reassign its replicas, or set replicationFactor to what it has.`;
    this.report(new MessagingError('CONFLICT', text));
  }

  #definition({ topic, partitions, retentionMs }: Wanted): {
    topic: string;
    numPartitions: number;
    replicationFactor?: number;
    configEntries: { name: string; value: string }[];
  } {
    const { replicationFactor, maxMessageBytes } = this.options;
    const entries: Record<string, number> = {
      'retention.ms': retentionMs,
      'max.message.bytes': maxMessageBytes + BATCH_OVERHEAD_BYTES,
      ...(replicationFactor === undefined
        ? {}
        : { 'min.insync.replicas': Math.max(1, replicationFactor - 1) }),
    };
    return {
      topic,
      numPartitions: partitions,
      ...(replicationFactor === undefined ? {} : { replicationFactor }),
      configEntries: Object.entries(entries).map(([name, value]) => ({ name, value: String(value) })),
    };
  }
}

function notThere(error: unknown): undefined {
  if (/UNKNOWN_TOPIC|LEADER_NOT_AVAILABLE/.test(typeOf(error) ?? '')) return undefined;
  throw error;
}

function isFinal(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code !== 'TRANSPORT_UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED';
}

function noop(): void {
  // the caller sees the rejection
}
