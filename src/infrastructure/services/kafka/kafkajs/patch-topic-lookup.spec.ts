import { patchTopicLookup } from './patch-topic-lookup.js';

interface Metadata {
  topicMetadata: { topic: string; partitionMetadata: { partitionId: number }[] }[];
}

/** The client's own view of a cluster, with a broker that notes what it is asked. */
async function clusterWith(answer: (topics: readonly string[]) => Promise<Metadata>) {
  const { default: Client } = (await import('kafkajs/src/cluster/index.js')) as {
    default: new (options: object) => Knowing;
  };
  await patchTopicLookup();
  const logger = { namespace: () => logger, debug: () => undefined };
  const cluster = new Client({ logger, brokers: [], retry: {} });
  const asked: (readonly string[])[] = [];
  const refreshed: (readonly string[])[] = [];
  const pool = cluster.brokerPool;
  pool.findConnectedBroker = async () => ({
    metadata: (topics) => {
      asked.push(topics);
      return answer(topics);
    },
  });
  pool.refreshMetadata = async (topics) => {
    refreshed.push(topics);
    pool.metadata = found(topics);
    pool.metadataExpireAt = Date.now() + 60_000;
  };
  pool.refreshMetadataIfNecessary = (topics) => pool.refreshMetadata(topics);
  return { cluster, asked, refreshed };
}

interface Knowing {
  readonly targetTopics: Set<string>;
  readonly brokerPool: {
    metadata: Metadata | null;
    metadataExpireAt: number | null;
    findConnectedBroker: () => Promise<{ metadata: (topics: readonly string[]) => Promise<Metadata> }>;
    refreshMetadata: (topics: readonly string[]) => Promise<void>;
    refreshMetadataIfNecessary: (topics: readonly string[]) => Promise<void>;
  };
  addTargetTopic(topic: string): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
  metadata(of: { topics: readonly string[] }): Promise<Metadata>;
}

function found(topics: readonly string[]): Metadata {
  return { topicMetadata: topics.map((topic) => ({ topic, partitionMetadata: [{ partitionId: 0 }] })) };
}

it('asks for all topics once, then for each new one alone, and for none that is known', async () => {
  const { cluster, asked, refreshed } = await clusterWith((topics) => Promise.resolve(found(topics)));
  await cluster.addMultipleTargetTopics(['a']); // nothing is known so far
  await cluster.addMultipleTargetTopics(['a', 'b']);
  await cluster.addMultipleTargetTopics(['b']);
  await cluster.refreshMetadataIfNecessary();
  expect({ asked, refreshed }).toEqual({ asked: [['b']], refreshed: [['a']] });
  expect(cluster.findTopicPartitionMetadata('a')).toEqual([{ partitionId: 0 }]);
  expect(cluster.findTopicPartitionMetadata('b')).toEqual([{ partitionId: 0 }]);
  expect(cluster.findTopicPartitionMetadata('c')).toEqual([]);
});

it('asks for all again when what it knows is old, or lacks a topic', async () => {
  const { cluster, refreshed } = await clusterWith((topics) => Promise.resolve(found(topics)));
  await cluster.addMultipleTargetTopics(['a']);
  cluster.brokerPool.metadataExpireAt = Date.now() - 1;
  await cluster.refreshMetadataIfNecessary();
  cluster.brokerPool.metadata = found([]);
  await cluster.refreshMetadataIfNecessary();
  await cluster.refreshMetadataIfNecessary();
  expect(refreshed).toEqual([['a'], ['a'], ['a']]);
});

it("leaves it to the client's own ways when a topic cannot be asked for alone", async () => {
  const { cluster, refreshed } = await clusterWith(() => Promise.reject(new Error('LEADER_NOT_AVAILABLE')));
  await cluster.addMultipleTargetTopics(['a']);
  await cluster.addMultipleTargetTopics(['b']);
  expect(refreshed).toEqual([['a'], ['a', 'b']]);
});

it('forgets no topic when it is asked about another', async () => {
  const { cluster, refreshed } = await clusterWith((topics) => Promise.resolve(found(topics)));
  await cluster.addMultipleTargetTopics(['a']);
  expect((await cluster.metadata({ topics: ['b'] })).topicMetadata.map(({ topic }) => topic)).toEqual(['b']);
  expect(cluster.findTopicPartitionMetadata('a')).toEqual([{ partitionId: 0 }]);
  expect(refreshed).toEqual([['a']]);
});

it('knows a topic also when an answer that was asked for before it was learned comes after it', async () => {
  const { cluster } = await clusterWith((topics) => Promise.resolve(found(topics)));
  await cluster.addMultipleTargetTopics(['a']);
  await cluster.addMultipleTargetTopics(['b']);
  expect(cluster.findTopicPartitionMetadata('b')).toEqual([{ partitionId: 0 }]);
  cluster.brokerPool.metadata = found(['a']);
  expect(cluster.findTopicPartitionMetadata('b')).toEqual([{ partitionId: 0 }]);
});

it('asks once more when it has waited for an answer that was asked for before a topic was there', async () => {
  const { cluster, refreshed } = await clusterWith((topics) => Promise.resolve(found(topics)));
  await cluster.addMultipleTargetTopics(['a']);
  const { refreshMetadata } = cluster.brokerPool;
  cluster.brokerPool.refreshMetadataIfNecessary = async (topics) => {
    await new Promise(setImmediate);
    await refreshMetadata(topics);
  };
  cluster.brokerPool.metadataExpireAt = Date.now() - 1;
  const early = cluster.refreshMetadataIfNecessary();
  cluster.targetTopics.add('b');
  await Promise.all([early, cluster.refreshMetadataIfNecessary()]);
  expect(refreshed.at(-1)).toEqual(['a', 'b']);
  expect(cluster.findTopicPartitionMetadata('b')).toEqual([{ partitionId: 0 }]);
});

it('says what a broker answers to a question about a topic, instead of nothing', async () => {
  const deleted = Object.assign(new Error('gone'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
  const { cluster } = await clusterWith(() => Promise.reject(deleted));
  await cluster.addMultipleTargetTopics(['a']);
  await expect(cluster.metadata({ topics: ['a'] })).rejects.toBe(deleted);
});

it('does not ask for a topic again for which an admin was asked once, and which is not there', async () => {
  const missing = Object.assign(new Error('missing'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
  const { cluster, asked, refreshed } = await clusterWith((topics) =>
    topics.includes('missing') ? Promise.reject(missing) : Promise.resolve(found(topics)),
  );
  await expect(cluster.addTargetTopic('missing')).rejects.toBe(missing);
  await cluster.addTargetTopic('a');
  await cluster.addTargetTopic('a'); // which it knows now
  expect(cluster.findTopicPartitionMetadata('a')).toEqual([{ partitionId: 0 }]);
  expect({ asked, refreshed, targets: [...cluster.targetTopics] }).toEqual({
    asked: [['missing'], ['a']],
    refreshed: [[]],
    targets: [],
  });
});

it('knows a topic for which an admin was asked although all else that it knew was old', async () => {
  const { cluster } = await clusterWith((topics) => Promise.resolve(found(topics)));
  await cluster.addTargetTopic('a');
  cluster.brokerPool.metadataExpireAt = Date.now() - 1;
  await cluster.addTargetTopic('b');
  await cluster.refreshMetadataIfNecessary(); // the answer is about its targets, which are none
  expect(cluster.findTopicPartitionMetadata('b')).toEqual([{ partitionId: 0 }]);
});
