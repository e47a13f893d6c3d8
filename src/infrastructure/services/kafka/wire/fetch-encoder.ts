import { ByteWriter } from './byte-writer.js';

/** What the client is about to ask for; what it leaves out has the values that it would send. */
export interface FetchData {
  readonly replicaId?: number;
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel?: number;
  readonly rackId?: string;
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly FetchPartition[] }[];
}

interface FetchPartition {
  readonly partition: number;
  /** As text, or a long integer of the client. */
  readonly fetchOffset: string | number | { toString(): string };
  readonly maxBytes: number;
}

const READ_COMMITTED = 1;
const NONE = -1;
/** Of the request, a topic or a partition, besides the names. */
const MAX_BYTES = 50;

/** The request of version 11 after its header, in one pass: the client takes a kilobyte of zeros for each partition, for every message that comes alone. */
export function encodeFetch({
  replicaId = NONE,
  isolationLevel = READ_COMMITTED,
  rackId = '',
  maxWaitTime,
  minBytes,
  maxBytes,
  topics,
}: FetchData): Buffer {
  const mostBytes = topics.reduce(
    (sum, { topic, partitions }) => sum + MAX_BYTES * (1 + partitions.length) + 3 * topic.length,
    MAX_BYTES + 3 * rackId.length,
  );
  const writer = new ByteWriter(Buffer.allocUnsafe(mostBytes));
  for (const number of [replicaId, maxWaitTime, minBytes, maxBytes]) writer.int32(number);
  writer.int8(isolationLevel);
  writer.int32(0); // no session
  writer.int32(NONE);
  writer.int32(topics.length);
  for (const { topic, partitions } of topics) {
    writer.string(topic);
    writer.int32(partitions.length);
    for (const partition of partitions) {
      writer.int32(partition.partition);
      writer.int32(NONE); // epoch of the leader: not known
      writer.int64(BigInt(partition.fetchOffset.toString()));
      writer.int64(BigInt(NONE)); // beginning of the log: of followers only
      writer.int32(partition.maxBytes);
    }
  }
  writer.int32(0); // nothing is left out of a session
  writer.string(rackId);
  return writer.bytes.subarray(0, writer.at);
}
