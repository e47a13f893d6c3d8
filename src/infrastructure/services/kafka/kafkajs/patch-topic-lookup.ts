import { internal } from './internals.js';

const PATCHED = Symbol.for('switchyard.kafkajs.topic-lookup');

interface TopicMetadata {
  readonly topic: string;
  readonly partitionMetadata: readonly unknown[];
}

interface Metadata {
  readonly topicMetadata: TopicMetadata[];
}

interface Broker {
  metadata(topics: readonly string[]): Promise<Metadata>;
}

type Retried<T> = (bail: (error: unknown) => void) => Promise<T | undefined>;

/** What the client knows of its cluster, as far as it is looked at here. */
interface Knowing {
  readonly targetTopics: Set<string>;
  readonly retrier: <T>(attempt: Retried<T>) => Promise<T>;
  readonly brokerPool: {
    readonly metadata?: Metadata | null;
    readonly metadataExpireAt?: number | null;
    findConnectedBroker(): Promise<Broker>;
  };
  refreshMetadata(): Promise<void>;
}

interface Cluster {
  readonly prototype: {
    addTargetTopic?: (this: Knowing, topic: string) => Promise<void>;
    addMultipleTargetTopics?: (this: Knowing, topics: readonly string[]) => Promise<void>;
    refreshMetadataIfNecessary?: (this: Knowing) => Promise<void>;
    findTopicPartitionMetadata?: (this: Knowing, topic: string) => readonly unknown[];
    metadata?: (this: Knowing, of?: { readonly topics?: readonly string[] }) => Promise<Metadata>;
    [PATCHED]?: true;
  };
}

/** Of each answer, its topics by name. */
const indexes = new WeakMap<Metadata, Map<string, TopicMetadata>>();
/** Of each client, what it last knew of its topics: an answer that was asked for before a topic was learned comes without it. */
const learned = new WeakMap<Knowing['brokerPool'], Map<string, TopicMetadata>>();
/** Of each answer, the topics that were found in it, and how many they were then. */
const complete = new WeakMap<Metadata, { readonly topics: Set<string>; readonly size: number }>();

/**
 * Symptom: with ten thousand topics, a message takes a tenth of a second of the processor. Cause: for each batch the client looks up
 * every topic that it has ever sent to in a list of all of them, and for each new topic it asks for all of them again. A question about
 * one topic makes it forget all others, and what it was doing with these fails with a TypeError. And an admin that was once asked for
 * the offsets of a topic which is not there, or no longer, can create no topic any more: it asks for that one first, each time.
 *
 * Public issue: https://github.com/tulios/kafkajs/issues/1605, and https://github.com/tulios/kafkajs/issues/1615 about the second half.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-topic-lookup.spec.ts`.
 */
export async function patchTopicLookup(): Promise<void> {
  const cluster = await internal<Cluster>(() => import('kafkajs/src/cluster/index.js'));
  if (!cluster) return;
  const { prototype } = cluster;
  const { addMultipleTargetTopics: add, refreshMetadataIfNecessary: refresh } = prototype;
  const { findTopicPartitionMetadata: find, metadata: ask } = prototype;
  if (!add || !refresh || !find || !ask || prototype[PATCHED]) return;
  prototype[PATCHED] = true;
  // Only an admin calls it, for one question: the topic is not its target from then on.
  if (prototype.addTargetTopic)
    prototype.addTargetTopic = async function (topic) {
      if (!this.brokerPool.metadata) await this.refreshMetadata();
      if (!knows(this, topic)) remember(this, await askFor(this, [topic]));
    };
  prototype.addMultipleTargetTopics = async function (topics) {
    const { metadata } = this.brokerPool;
    const unknown = topics.filter((topic) => !this.targetTopics.has(topic));
    if (metadata && unknown.length === 0) return;
    if (!metadata || !(await learn(this, unknown))) await add.call(this, topics);
  };
  prototype.refreshMetadataIfNecessary = async function () {
    const { metadata } = this.brokerPool;
    if (metadata && isFresh(this) && hasAll(metadata, this.targetTopics)) return;
    await refresh.call(this);
    // It may have waited for an answer that was asked for before the last topics were there.
    const { metadata: found } = this.brokerPool;
    if (found && !hasAll(found, this.targetTopics)) await refresh.call(this);
  };
  prototype.findTopicPartitionMetadata = function (topic) {
    const { metadata } = this.brokerPool;
    if (!metadata) return find.call(this, topic);
    const known = learnedBy(this);
    const found = indexOf(metadata).get(topic) ?? known.get(topic);
    if (found) known.set(topic, found);
    return found?.partitionMetadata ?? [];
  };
  prototype.metadata = function (of = {}) {
    return this.brokerPool.metadata ? answer(this, of.topics ?? []) : ask.call(this, of);
  };
}

/** Asks for these alone. False when that does not work now: the client has its ways for what is amiss. */
async function learn(client: Knowing, topics: readonly string[]): Promise<boolean> {
  let found: Metadata;
  try {
    found = await askFor(client, topics);
  } catch {
    return false;
  }
  if (!remember(client, found)) return false;
  for (const topic of topics) client.targetTopics.add(topic);
  return true;
}

async function askFor({ brokerPool }: Knowing, topics: readonly string[]): Promise<Metadata> {
  return (await brokerPool.findConnectedBroker()).metadata(topics);
}

/** Adds an answer about some topics to what the client knows. False when it knows nothing so far. */
function remember(client: Knowing, found: Metadata): boolean {
  const { metadata } = client.brokerPool;
  if (!metadata) return false;
  const index = indexOf(metadata);
  const known = learnedBy(client);
  for (const one of found.topicMetadata) {
    known.set(one.topic, one);
    if (!index.has(one.topic)) metadata.topicMetadata.push(one);
    index.set(one.topic, one);
  }
  return true;
}

function learnedBy({ brokerPool }: Knowing): Map<string, TopicMetadata> {
  const known = learned.get(brokerPool) ?? new Map<string, TopicMetadata>();
  learned.set(brokerPool, known);
  return known;
}

function knows(client: Knowing, topic: string): boolean {
  const { metadata } = client.brokerPool;
  return !!metadata && isFresh(client) && indexOf(metadata).has(topic);
}

function isFresh({ brokerPool: { metadataExpireAt } }: Knowing): boolean {
  return !!metadataExpireAt && Date.now() <= metadataExpireAt;
}

/** What a broker says of these topics, without a change to what the client knows of others. */
function answer(client: Knowing, topics: readonly string[]): Promise<Metadata> {
  return client.retrier(async (bail) => {
    try {
      return await askFor(client, topics);
    } catch (error) {
      if ((error as { readonly type?: unknown }).type === 'LEADER_NOT_AVAILABLE') throw error;
      bail(error);
      return undefined;
    }
  });
}

function hasAll(metadata: Metadata, topics: Set<string>): boolean {
  const before = complete.get(metadata);
  if (before?.topics === topics && before.size === topics.size) return true;
  const index = indexOf(metadata);
  for (const topic of topics) if (!index.has(topic)) return false;
  complete.set(metadata, { topics, size: topics.size });
  return true;
}

function indexOf(metadata: Metadata): Map<string, TopicMetadata> {
  let index = indexes.get(metadata);
  if (!index) {
    index = new Map(metadata.topicMetadata.map((one) => [one.topic, one]));
    indexes.set(metadata, index);
  }
  return index;
}
