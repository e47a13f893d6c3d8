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

/** What the client knows of its cluster, as far as it is looked at here. */
interface Knowing {
  readonly targetTopics: Set<string>;
  readonly brokerPool: {
    readonly metadata?: Metadata | null;
    readonly metadataExpireAt?: number | null;
    findConnectedBroker(): Promise<Broker>;
  };
}

interface Cluster {
  readonly prototype: {
    addMultipleTargetTopics?: (this: Knowing, topics: readonly string[]) => Promise<void>;
    refreshMetadataIfNecessary?: (this: Knowing) => Promise<void>;
    findTopicPartitionMetadata?: (this: Knowing, topic: string) => readonly unknown[];
    [PATCHED]?: true;
  };
}

/** Of each answer, its topics by name. */
const indexes = new WeakMap<Metadata, Map<string, TopicMetadata>>();
/** Of each answer, the topics that were found in it, and how many they were then. */
const complete = new WeakMap<Metadata, { readonly topics: Set<string>; readonly size: number }>();

/**
 * Symptom: with ten thousand topics, a message takes a tenth of a second of the processor. Cause: for each batch the client looks up
 * every topic that it has ever sent to in a list of all of them, and for each new topic it asks for all of them again.
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
  const { findTopicPartitionMetadata: find } = prototype;
  if (!add || !refresh || !find || prototype[PATCHED]) return;
  prototype[PATCHED] = true;
  prototype.addMultipleTargetTopics = async function (topics) {
    const { metadata } = this.brokerPool;
    const unknown = topics.filter((topic) => !this.targetTopics.has(topic));
    if (metadata && unknown.length === 0) return;
    if (!metadata || !(await learn(this, unknown))) await add.call(this, topics);
  };
  prototype.refreshMetadataIfNecessary = async function () {
    const { metadata, metadataExpireAt } = this.brokerPool;
    const isFresh = metadata && metadataExpireAt && Date.now() <= metadataExpireAt;
    if (!isFresh || !hasAll(metadata, this.targetTopics)) await refresh.call(this);
  };
  prototype.findTopicPartitionMetadata = function (topic) {
    const { metadata } = this.brokerPool;
    return metadata ? (indexOf(metadata).get(topic)?.partitionMetadata ?? []) : find.call(this, topic);
  };
}

/** Asks for these alone. False when that does not work now: the client has its ways for what is amiss. */
async function learn({ targetTopics, brokerPool }: Knowing, topics: readonly string[]): Promise<boolean> {
  let found: Metadata;
  try {
    found = await (await brokerPool.findConnectedBroker()).metadata(topics);
  } catch {
    return false;
  }
  const { metadata } = brokerPool; // another by now, perhaps
  if (!metadata) return false;
  const index = indexOf(metadata);
  for (const one of found.topicMetadata) {
    if (!index.has(one.topic)) metadata.topicMetadata.push(one);
    index.set(one.topic, one);
  }
  for (const topic of topics) targetTopics.add(topic);
  return true;
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
