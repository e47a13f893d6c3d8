import { ByteWriter } from './byte-writer.js';
import { crc32c } from './crc32c.js';
import { OutRecord } from './kafka-record.js';

/** What the client is about to send: versions 3 to 7 of the request, which are the same on the wire. */
export interface ProduceData {
  readonly acks: number;
  readonly timeout: number;
  readonly transactionalId?: string | null;
  readonly compression?: number;
  /** As text, or a long integer of the client. */
  readonly producerId?: string | number | { toString(): string };
  readonly producerEpoch?: number;
  readonly topicData: readonly { readonly topic: string; readonly partitions: readonly PartitionData[] }[];
}

interface PartitionData {
  readonly partition: number;
  readonly firstSequence?: number;
  readonly messages: readonly object[];
}

/** Of a request, a topic or a partition, besides the names and the records. */
const HEAD_BYTES = 100;
const MAGIC = 2;

/** Whether everything in it is ours and as we send it. Whatever else uses the client is left to it. */
export function isOurs({ compression = 0, transactionalId, topicData }: ProduceData): boolean {
  const isPlain = compression === 0 && (transactionalId ?? null) === null;
  return isPlain && topicData.every(({ partitions }) => partitions.every(hasOurs));
}

function hasOurs({ messages }: PartitionData): boolean {
  return messages.length > 0 && messages.every((message) => message instanceof OutRecord);
}

/**
 * The request after its header, in one pass over one buffer: the client's own encoder copies each record some seven times.
 * The format is that of https://kafka.apache.org/documentation/#recordbatch
 */
export function encodeProduce(data: ProduceData): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafe(mostBytesOf(data)));
  writer.int16(-1); // no transaction
  writer.int16(data.acks);
  writer.int32(data.timeout);
  writer.int32(data.topicData.length);
  const now = BigInt(Date.now());
  for (const { topic, partitions } of data.topicData) {
    writer.string(topic);
    writer.int32(partitions.length);
    for (const partition of partitions) {
      writer.int32(partition.partition);
      const start = writer.at;
      writer.at += 4;
      writeBatch(writer, partition, { now, producer: data });
      writer.bytes.writeInt32BE(writer.at - start - 4, start);
    }
  }
  return writer.bytes.subarray(0, writer.at);
}

interface BatchContext {
  /** Milliseconds since 1970. */
  readonly now: bigint;
  readonly producer: Pick<ProduceData, 'producerId' | 'producerEpoch'>;
}

function writeBatch(
  writer: ByteWriter,
  { messages, firstSequence = 0 }: PartitionData,
  { now, producer: { producerId, producerEpoch = 0 } }: BatchContext,
): void {
  writer.int64(0n); // the broker gives the offsets
  const length = writer.at;
  writer.at += 4;
  writer.int32(0); // epoch of the leader
  writer.int8(MAGIC);
  const checksum = writer.at;
  writer.at += 4;
  writer.int16(0); // no compression, no transaction
  writer.int32(messages.length - 1);
  writer.int64(now);
  writer.int64(now);
  writer.int64(BigInt((producerId ?? -1).toString()));
  writer.int16(producerEpoch);
  writer.int32(firstSequence);
  writer.int32(messages.length);
  let size = 0; // records of a batch are alike, so that the last one says how long the next one will be
  for (const [index, message] of (messages as readonly OutRecord[]).entries())
    size = writer.prefixed(size, () => writeRecord(writer, message, index));
  writer.bytes.writeInt32BE(writer.at - length - 4, length);
  writer.bytes.writeUInt32BE(crc32c(writer.bytes.subarray(checksum + 4, writer.at)), checksum);
}

function writeRecord(writer: ByteWriter, { key, value, headers }: OutRecord, offsetDelta: number): void {
  writer.int8(0); // no attributes
  writer.varint(0); // of the time of the batch
  writer.varint(offsetDelta);
  if (key === null) writer.varintNull();
  else writer.varintText(key);
  writer.varintBytes(value);
  const names = Object.keys(headers);
  writer.varint(names.length);
  for (const name of names) {
    writer.varintName(name);
    writer.varintText(headers[name] ?? '');
  }
}

function mostBytesOf({ topicData }: ProduceData): number {
  let bytes = HEAD_BYTES;
  for (const { topic, partitions } of topicData) {
    bytes += HEAD_BYTES + topic.length * 3;
    for (const { messages } of partitions) {
      bytes += HEAD_BYTES;
      for (const message of messages as readonly OutRecord[]) bytes += message.mostBytes;
    }
  }
  return bytes;
}
