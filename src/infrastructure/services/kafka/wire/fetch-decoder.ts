import { setImmediate as turn } from 'node:timers/promises';
import { ByteReader } from './byte-reader.js';
import { BATCH_HEAD_BYTES, type BatchReading, decodeBatch, type Expand, newRoom } from './batch-decoder.js';
import { SLICE_BYTES } from './batch-records.js';
import type { Fetched } from './fetched.js';

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
/** What brokers before 0.11 stored. */
const OLD_MAGICS: readonly unknown[] = [0, 1];

/** The offset from which a partition was asked for. */
export type AskedOffset = (topic: string, partition: number) => number;

/**
 * The answer to a request of version 11, in one pass: the client's own decoder takes most of the time of reading. Undefined when
 * something in it is older than what we know, and is the client's to read.
 *
 * What it may hold is bounded by `DECODE_LIMITS`: the rest is left for the next answer.
 */
export async function decodeFetch(
  raw: Buffer,
  expand: Expand,
  askedOffset: AskedOffset = () => 0,
): Promise<FetchAnswer | undefined> {
  const room = newRoom();
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
      const from = askedOffset(topicName, head.partition);
      const bytes = reader.slice(Math.max(0, reader.int32()));
      const messages = await decodeBatches(bytes, { expand, from, room });
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
async function decodeBatches(bytes: Buffer, reading: BatchReading): Promise<Fetched[] | undefined> {
  const records: Fetched[] = [];
  for (let at = 0, turnAt = SLICE_BYTES; bytes.length - at > MAGIC_AT && reading.room.records > 0;) {
    if (OLD_MAGICS.includes(bytes[at + MAGIC_AT])) return undefined;
    const length = BATCH_PREFIX_BYTES + bytes.readInt32BE(at + BATCH_PREFIX_BYTES - 4);
    // Of a batch that is shorter than its own head nothing says where the next one begins.
    const end = length < BATCH_HEAD_BYTES ? bytes.length : at + length;
    if (end > bytes.length || end - at < BATCH_HEAD_BYTES) break;
    if (!(await decodeBatch(bytes.subarray(at, end), reading, records))) break;
    at = end;
    if (at < turnAt) continue;
    await turn(); // many small batches take as much time as a large one
    turnAt = at + SLICE_BYTES;
  }
  return records;
}
