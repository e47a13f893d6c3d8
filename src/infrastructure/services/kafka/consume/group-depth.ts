import type { Admin } from '../client/kafkajs-client.js';
import type { KafkaConnection } from '../connection/kafka-connection.js';
import type { Partition } from './partition.js';

/** Messages of a group's topics that this process has not read, and that are not known to be settled. */
export async function readyOf(
  connection: KafkaConnection,
  { group, topics }: { readonly group: string; readonly topics: readonly string[] },
  owned: readonly Partition[],
): Promise<number> {
  const ends = new Map<string, readonly TopicEnd[]>();
  for (const topic of topics) {
    const found = await connection.ask((admin) => admin.fetchTopicOffsets(topic)).catch(nothingThere);
    if (found) ends.set(topic, found);
  }
  if (ends.size === 0) return 0;
  const stored = await connection.ask((admin) =>
    admin.fetchOffsets({ groupId: group, topics: [...ends.keys()] }),
  );
  let ready = 0;
  for (const { topic, partitions } of stored)
    for (const { partition, offset } of partitions) {
      const end = ends.get(topic)?.find((each) => each.partition === partition);
      const own = owned.find((each) => each.topic === topic && each.id === partition);
      const from = own ? own.tracker.next : Number(offset);
      if (end && from >= 0) ready += Math.max(0, Number(end.high) - Math.max(from, Number(end.low)));
    }
  return ready;
}

type TopicEnd = Awaited<ReturnType<Admin['fetchTopicOffsets']>>[number];

/** No topic, no backlog. */
function nothingThere(error: unknown): undefined {
  if (/UNKNOWN_TOPIC/.test((error as Error).message)) return undefined;
  throw error;
}
