import { setImmediate as turn } from 'node:timers/promises';
import { BatchRecords } from './batch-records.js';
import { ByteReader } from './byte-reader.js';
import { DECODE_LIMITS } from './decode-limits.js';
import { type BatchContext, type BatchHead, endOf, type Fetched, unreadableBatch } from './fetched.js';

/**
 * Undoes the compression that the attributes of a batch name; undefined when there is none. Throws when this process lacks
 * the codec; what it returns rejects when the bytes cannot be expanded.
 */
export type Expand = (attributes: number) => ((compressed: Buffer) => Promise<Buffer>) | undefined;

/** What an answer may still hold. */
export interface Room {
  records: number;
  expandedBytes: number;
}

export function newRoom(): Room {
  const { maxAnswerRecords, maxAnswerExpandedBytes } = DECODE_LIMITS;
  return { records: maxAnswerRecords, expandedBytes: maxAnswerExpandedBytes };
}

/** How the batches of one partition are read. */
export interface BatchReading {
  readonly expand: Expand;
  /** The offset that was asked for: records before it are skipped. */
  readonly from: number;
  /** Used up by each batch. */
  readonly room: Room;
}

const LENGTH_AT = 8;
/** What all brokers since 0.11 store. */
const MAGIC = 2;
/** Of the attributes of a batch. */
const COMPRESSION = 0x7;
const MAX_COMPRESSION = 4;
const APPENDED_AT = 0x8;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** Before its records. */
export const BATCH_HEAD_BYTES = 61;

/**
 * Adds the records of a batch to the others. The format is that of https://kafka.apache.org/documentation/#recordbatch
 *
 * A record that cannot be read comes as one that is marked as unreadable. One such record stands for all of a batch from
 * where it cannot be read.
 *
 * @param bytes one whole batch.
 * @returns false when some of the batch is left for the next answer.
 */
export async function decodeBatch(
  bytes: Buffer,
  { expand, from, room }: BatchReading,
  records: Fetched[],
): Promise<boolean> {
  const reader = new ByteReader(bytes);
  const head = headOf(reader);
  const { count, attributes, lastOffset } = head;
  if (count === 0) return true;
  const refuse = (why: string): boolean => {
    records.push(unreadableBatch(head, { why, bytes, from }));
    room.records -= 1;
    return true;
  };
  const problem = problemOf(head, bytes);
  if (problem) return refuse(problem);
  const expanding = expand(attributes);
  let expanded = reader;
  if (expanding) {
    if (room.expandedBytes <= 0) return false;
    try {
      expanded = new ByteReader(await expanding(reader.slice(reader.left)));
    } catch (error) {
      return refuse(`it cannot be expanded (${(error as Error).message})`);
    }
    room.expandedBytes -= expanded.bytes.length;
  }
  const before = records.length;
  const batch = new BatchRecords(expanded, head, from);
  let state = batch.addTo(records, room.records);
  while (state === 'more') {
    await turn();
    state = batch.addTo(records, room.records - (records.length - before));
  }
  // The client asks for its own next offset again otherwise, of which compaction has left nothing.
  if (records.length === before && state === 'whole' && lastOffset >= from) records.push(endOf(head));
  room.records -= records.length - before;
  return state === 'whole';
}

function headOf(reader: ByteReader): BatchHead {
  const firstOffset = reader.int64();
  reader.at += 4; // length
  const partitionLeaderEpoch = reader.int32();
  const magicByte = reader.int8();
  reader.at += 4; // checksum
  const attributes = reader.int16();
  const lastOffsetDelta = reader.int32();
  const firstTimestamp = reader.int64();
  const context: BatchContext = {
    firstOffset: String(firstOffset),
    firstTimestamp: String(firstTimestamp),
    partitionLeaderEpoch,
    inTransaction: (attributes & TRANSACTIONAL) > 0,
    isControlBatch: (attributes & CONTROL) > 0,
    lastOffsetDelta,
    maxTimestamp: reader.int64Text(),
    producerId: reader.int64Text(),
    producerEpoch: reader.int16(),
    firstSequence: reader.int32(),
    timestampType: (attributes & APPENDED_AT) > 0 ? 1 : 0,
    magicByte,
  };
  const count = reader.int32();
  const lastOffset = firstOffset + Math.max(0, lastOffsetDelta);
  return { context, attributes, count, firstOffset, lastOffset, firstTimestamp };
}

/** Why the batch is not read, as the end of a sentence. */
function problemOf({ context, attributes, count }: BatchHead, bytes: Buffer): string | undefined {
  const { maxBatchRecords } = DECODE_LIMITS;
  const length = bytes.readInt32BE(LENGTH_AT) + LENGTH_AT + 4;
  const compression = attributes & COMPRESSION;
  if (length !== bytes.length) return `it says that it has ${length} bytes`;
  if (context.magicByte !== MAGIC) return `its format ${context.magicByte} is not known`;
  if (compression > MAX_COMPRESSION) return `its compression ${compression} is not known`;
  if (count < 0) return `it has a negative number of records`;
  if (count > maxBatchRecords) return `it has more than ${maxBatchRecords} records`;
  return undefined;
}
