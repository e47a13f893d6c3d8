import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import type { Destination } from '../../../../core/messaging/ports/transport.js';
import { typeOf } from '../client/kafka-errors.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type { KafkaOptions } from '../kafka.options.js';
import type { Admin, ITopicConfig } from '../client/kafkajs-client.js';
import type { ResourceNames } from './resource-names.js';
import { DELAY_LEVELS } from './delay-levels.js';
import { TopicChecks } from './topic-checks.js';
import { createCommand, settingsOf, type WantedTopic } from './topic-settings.js';
import { TopicWatch, type WatchedTopics } from './topic-watch.js';

const POLL_MS = 50;
const CREATED_BATCH_SIZE = 100;
/** Topics wanted within this time are created together; later ones do not wait for a slow request. */
const GATHERED_FOR_MS = 100;
/** Overhead of a batch of one message, beyond the largest message. */
const BATCH_OVERHEAD_BYTES = 64 * 1024;
/** Retries and delays add headers: where they wait, and in the topic of a group, there is room for those of a largest message. */
const HEADERS_BYTES = 64 * 1024;
/** A consumer cannot read every message within a shorter retention. */
const MIN_RETENTION_MS = 60_000;
/** Messages stay in the shortest wait topic for up to this long. */
const SHORT_WAIT_MS = 16_000;
const PING_RETENTION_MS = 3_600_000;
/** Messages that are due are kept for this long while no process forwards them. */
const WAIT_SLACK_MS = 7 * 86_400_000;

/** Creates or verifies the topics that messages need on their way, each once, and waits until all of their partitions have a leader. */
export class Topics {
  readonly #known = new Map<string, Promise<number>>();
  readonly #ready = new Map<string, number>();
  readonly #used = new Map<string, WantedTopic>();
  readonly #checks: TopicChecks;
  readonly #watch: TopicWatch;
  /** What is created next. */
  #gathering: { readonly wanted: WantedTopic[]; readonly done: Promise<Map<string, number>> } | undefined;
  #creating: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly link: KafkaConnection,
    readonly names: ResourceNames,
    private readonly options: KafkaOptions,
    private readonly problems: ProblemList,
  ) {
    this.#checks = new TopicChecks(link, problems);
    this.#watch = new TopicWatch(link, this.#watched(), this.#checks, problems);
  }

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
    return this.#one(this.#destination(to));
  }

  ping(): Promise<number> {
    return this.#one(this.#ping);
  }

  /** The topics that every process needs. @throws MessagingError `TOPOLOGY_MISSING` or `TOPOLOGY_UNSAFE` */
  async verifyShared(): Promise<void> {
    if (this.options.topology === 'verify') await Promise.all(this.#ensure([...this.#waiting, this.#ping]));
  }

  async wait(): Promise<void> {
    await Promise.all(this.#ensure(this.#waiting));
  }

  /** All that a group needs. */
  async subscription(to: Required<Destination>): Promise<void> {
    const own = [{ topic: to.topic }, to].map((each) => this.#destination(each));
    await Promise.all(this.#ensure([...own, ...this.#waiting]));
  }

  #destination({ topic, group }: Destination): WantedTopic {
    const place = group === undefined ? { topic } : { topic, group };
    const { partitions, retentionMs, maxMessageBytes } = this.options;
    return {
      topic: this.names.topic(place),
      place,
      partitions,
      retentionMs,
      minRetentionMs: MIN_RETENTION_MS,
      maxBytes: maxMessageBytes + BATCH_OVERHEAD_BYTES + (group === undefined ? 0 : HEADERS_BYTES),
      keepsMessages: true,
    };
  }

  get #ping(): WantedTopic {
    return {
      ...this.#shared(this.names.ping),
      retentionMs: PING_RETENTION_MS,
      minRetentionMs: 0,
      keepsMessages: false,
    };
  }

  get #waiting(): WantedTopic[] {
    return DELAY_LEVELS.map(({ name, waitMs = SHORT_WAIT_MS }) => ({
      ...this.#shared(this.names.wait(name)),
      retentionMs: waitMs + Math.max(WAIT_SLACK_MS, this.options.retentionMs),
      minRetentionMs: waitMs + MIN_RETENTION_MS,
      keepsMessages: true,
    }));
  }

  #shared(topic: string): Pick<WantedTopic, 'topic' | 'place' | 'partitions' | 'maxBytes'> {
    const maxBytes = this.options.maxMessageBytes + BATCH_OVERHEAD_BYTES + HEADERS_BYTES;
    return { topic, place: { topic }, partitions: 1, maxBytes };
  }

  #watched(): WatchedTopics {
    return {
      used: () => [...this.#used.values()].filter(({ topic }) => this.#ready.has(topic)),
      partitionsOf: (topic) => this.partitionsOf(topic),
      setPartitions: (topic, count) => {
        this.#known.set(topic, Promise.resolve(count));
        this.#ready.set(topic, count);
      },
      forget: () => this.forget(),
    };
  }

  #one(wanted: WantedTopic): Promise<number> {
    return this.#ensure([wanted])[0] as Promise<number>;
  }

  #ensure(wanted: readonly WantedTopic[]): Promise<number>[] {
    const unknown = wanted.filter(({ topic }) => !this.#known.has(topic));
    if (unknown.length > 0) {
      const creating = this.#createWithOthers(unknown);
      for (const each of unknown) {
        const counted = creating.then((counts) => counts.get(each.topic) ?? each.partitions);
        this.#known.set(each.topic, counted);
        counted.then(
          (count) => {
            if (this.#known.get(each.topic) !== counted) return;
            this.#ready.set(each.topic, count);
            this.#used.set(each.topic, each);
            this.#watch.start();
          },
          () => this.#known.get(each.topic) === counted && this.#known.delete(each.topic),
        );
      }
    }
    return wanted.map(({ topic }) => this.#known.get(topic) as Promise<number>);
  }

  /** In one request with what others ask for while the one before is under way: each makes the client ask for all topics. */
  async #createWithOthers(wanted: readonly WantedTopic[]): Promise<Map<string, number>> {
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
  async #create(wanted: readonly WantedTopic[]): Promise<Map<string, number>> {
    const { requestTimeoutMs: timeout } = this.options;
    const topics = wanted.map((each) => this.#definition(each));
    const isDeclared = this.options.topology === 'declare';
    const deadline = this.link.clock.monotonic() + 3 * timeout;
    for (;;) {
      try {
        const counts = await this.#countsOf(wanted);
        if (counts) {
          await this.#checks.first(wanted);
          return counts;
        }
        if (isDeclared)
          await this.link.ask((admin) => admin.createTopics({ topics, timeout, waitForLeaders: false }));
        else await this.#refuseMissing(wanted);
      } catch (error) {
        if (isFinal(error) || this.link.clock.monotonic() > deadline) throw error;
      }
      if (this.link.clock.monotonic() > deadline) throw this.link.silentError();
      await pause(POLL_MS);
    }
  }

  /** Undefined while one of them is not there, or has a partition without a leader. */
  async #countsOf(wanted: readonly WantedTopic[]): Promise<Map<string, number> | undefined> {
    const topics = wanted.map(({ topic }) => topic);
    const asked = (admin: Admin): ReturnType<Admin['fetchTopicMetadata']> =>
      admin.fetchTopicMetadata({ topics });
    const found = await this.link.ask((admin) => asked(admin).catch(notThere));
    if (!found) return undefined;
    const counts = new Map<string, number>();
    for (const { name, partitions } of found.topics) {
      if (partitions.length === 0 || partitions.some(({ leader }) => leader < 0)) return undefined;
      counts.set(name, partitions.length);
      const compared = wanted.find(({ topic }) => topic === name);
      if (compared) this.#compareReplicas(compared, partitions);
    }
    return counts;
  }

  /** Reported and left as it is: only the owner of the topic knows the reason. */
  #compareReplicas(
    { topic, place }: WantedTopic,
    partitions: readonly { readonly replicas: readonly number[] }[],
  ): void {
    const wanted = this.options.replicationFactor;
    const least = Math.min(...partitions.map(({ replicas }) => replicas.length));
    if (wanted === undefined || least >= wanted) this.problems.solve('too_few_replicas', place);
    else {
      const detail = `Topic "${topic}" has ${least} of ${wanted} replicas. Reassign its replicas (kafka-reassign-partitions.sh), or set replicationFactor to what it has.`;
      this.problems.add({ code: 'too_few_replicas', ...place, detail });
    }
  }

  /** @throws MessagingError `TOPOLOGY_MISSING` when one of the topics is not there. */
  async #refuseMissing(wanted: readonly WantedTopic[]): Promise<void> {
    const missing: WantedTopic[] = [];
    for (const each of wanted) if (await this.#isMissing(each.topic)) missing.push(each);
    if (missing.length === 0) return; // a partition has no leader for a moment
    const commands = missing.map((each) => `  ${createCommand(each, this.options)}`);
    throw new MessagingError(
      'TOPOLOGY_MISSING',
      `${this.link.label}: ${missing.length} topics are missing, and with "topology: verify" none is created. Run:\n${commands.join('\n')}`,
    );
  }

  #isMissing(topic: string): Promise<boolean> {
    return this.link.ask((admin) =>
      admin.fetchTopicMetadata({ topics: [topic] }).then(
        () => false,
        (error: unknown) => {
          const type = typeOf(error);
          if (type === 'LEADER_NOT_AVAILABLE') return false;
          if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return true;
          throw error;
        },
      ),
    );
  }

  #definition(wanted: WantedTopic): ITopicConfig {
    const { replicationFactor } = this.options;
    const settings = Object.entries(settingsOf(wanted, this.options));
    return {
      topic: wanted.topic,
      numPartitions: wanted.partitions,
      ...(replicationFactor === undefined ? {} : { replicationFactor }),
      configEntries: settings.map(([name, value]) => ({ name, value })),
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
