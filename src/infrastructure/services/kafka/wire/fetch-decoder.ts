import { ByteReader } from './byte-reader.js';
import { decodeBatch, type Fetched, type Expand } from './batch-decoder.js';

/** What an answer says of a partition besides its records. */
interface Head {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly lastStartOffset: string;
  readonly abortedTransactions: readonly object[];
  readonly preferredReadReplica: number;
}

/** What the broker has sent, in the shape that the client gives it. */
export interface FetchAnswer {
  readonly throttleTime: number;
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  /** Without partitions that have nothing to say. */
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly (Head & { readonly messages: readonly Fetched[] })[];
  }[];
}

const NO_REPLICA = -1;
/** Before the length of a batch and that length. */
const BATCH_PREFIX_BYTES = 12;
/** From the beginning of a batch to the number that says how it is made. */
const MAGIC_AT = 16;
/** What all brokers since 0.11 store. */
const MAGIC = 2;

/**
 * The answer to a request of version 11, in one pass: the client's own decoder takes most of the time of reading. Undefined when
 * something in it is older than what we know, and is the client's to read.
 */
export async function decodeFetch(raw: Buffer, expand: Expand): Promise<FetchAnswer | undefined> {
  const reader = new ByteReader(raw);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const responses = [];
  for (let topics = reader.int32(); topics > 0; topics -= 1) {
    const topicName = reader.string();
    const partitions = [];
    for (let left = reader.int32(); left > 0; left -= 1) {
      const head = partitionHead(reader);
      const messages = await decodeBatches(reader.slice(Math.max(0, reader.int32())), expand);
      if (!messages) return undefined;
      if (messages.length > 0 || saysSomething(head)) partitions.push({ ...head, messages });
    }
    if (partitions.length > 0) responses.push({ topicName, partitions });
  }
  // A broker that throttles says for how long the client is to wait; it has not waited itself.
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

/** The client takes each partition that it is given through its workers, also those that have nothing. */
function saysSomething({ errorCode, preferredReadReplica }: Head): boolean {
  return errorCode !== 0 || preferredReadReplica !== NO_REPLICA;
}

function partitionHead(reader: ByteReader): Head {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64Text();
  const lastStableOffset = reader.int64Text();
  const lastStartOffset = reader.int64Text();
  const abortedTransactions = [];
  for (let aborted = reader.int32(); aborted > 0; aborted -= 1) {
    const producerId = reader.int64Text();
    abortedTransactions.push({ producerId, firstOffset: reader.int64Text() });
  }
  const preferredReadReplica = reader.int32();
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    lastStartOffset,
    abortedTransactions,
    preferredReadReplica,
  };
}

/** The last one may have been cut off, and comes again. */
async function decodeBatches(bytes: Buffer, expand: Expand): Promise<Fetched[] | undefined> {
  const records: Fetched[] = [];
  const reader = new ByteReader(bytes);
  while (reader.left > MAGIC_AT) {
    if (bytes[reader.at + MAGIC_AT] !== MAGIC) return undefined;
    const end = reader.at + BATCH_PREFIX_BYTES + bytes.readInt32BE(reader.at + BATCH_PREFIX_BYTES - 4);
    if (end > bytes.length) break;
    await decodeBatch(new ByteReader(bytes.subarray(reader.at, end)), expand, records);
    reader.at = end;
  }
  return records;
}
