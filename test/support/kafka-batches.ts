import { connect } from 'node:net';
import { crc32c } from '../../src/infrastructure/services/kafka/wire/crc32c.js';

/** A record as a test wants it; what is left out is not there. */
export interface RawRecord {
  readonly key?: Buffer | string;
  readonly value?: Buffer | string;
  readonly headers?: readonly (readonly [string, string | undefined])[];
}

/** What a batch says of itself; what is left out is right. */
export interface RawBatch {
  readonly count: number;
  readonly attributes?: number;
  readonly magic?: number;
  readonly firstOffset?: number;
  readonly lastOffsetDelta?: number;
  /** Of all its bytes. */
  readonly length?: number;
  readonly crc?: number;
}

const HEAD_BYTES = 61;
const CRC_FROM = 21;
const UNKNOWN = -1;

/** Zigzag, as lengths of records are written. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value >= 0 ? value * 2 : -value * 2 - 1;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return Buffer.from([...bytes, left]);
}

function withLength(bytes: Buffer | string | undefined): Buffer {
  if (bytes === undefined) return varint(UNKNOWN);
  const buffer = Buffer.from(bytes as string);
  return Buffer.concat([varint(buffer.length), buffer]);
}

/** One record of a batch, with its length. */
export function rawRecord(offsetDelta: number, { key, value, headers = [] }: RawRecord = {}): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(0),
    varint(offsetDelta),
    withLength(key),
    withLength(value),
    varint(headers.length),
    ...headers.flatMap(([name, text]) => [withLength(name), withLength(text)]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

/** A record with as many headers of one name and no value. Faster than a list of them. */
export function recordOfHeaders(count: number, value: string): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 0, 0]),
    withLength(undefined),
    withLength(value),
    varint(count),
    Buffer.alloc(2 * count, Buffer.from([0, 1])),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

/** A batch of the format 2: https://kafka.apache.org/documentation/#recordbatch */
export function rawBatch(records: Buffer, said: RawBatch): Buffer {
  const { count, attributes = 0, magic = 2, firstOffset = 0, lastOffsetDelta = count - 1 } = said;
  const head = Buffer.alloc(HEAD_BYTES);
  const now = BigInt(Date.now());
  head.writeBigInt64BE(BigInt(firstOffset), 0);
  head.writeInt32BE((said.length ?? HEAD_BYTES + records.length) - 12, 8);
  head.writeInt32BE(UNKNOWN, 12); // leader epoch
  head.writeInt8(magic, 16);
  head.writeInt16BE(attributes, 21);
  head.writeInt32BE(lastOffsetDelta, 23);
  head.writeBigInt64BE(now, 27);
  head.writeBigInt64BE(now, 35);
  head.writeBigInt64BE(BigInt(UNKNOWN), 43); // producer
  head.writeInt16BE(UNKNOWN, 51);
  head.writeInt32BE(UNKNOWN, 53);
  head.writeInt32BE(count, 57);
  const batch = Buffer.concat([head, records]);
  batch.writeUInt32BE(said.crc ?? crc32c(batch.subarray(CRC_FROM)), 17);
  return batch;
}

/**
 * Sends a batch as it is, which no client would do: Produce, version 3. Resolves with the error code of the broker, where 0 is
 * none, and with -2 when it closes the connection.
 */
export function produceRaw(port: number, topic: string, batch: Buffer, partition = 0): Promise<number> {
  const int = (bytes: 2 | 4, value: number): Buffer => {
    const buffer = Buffer.alloc(bytes);
    buffer.writeIntBE(value, 0, bytes);
    return buffer;
  };
  const text = (value: string): Buffer => Buffer.concat([int(2, value.length), Buffer.from(value)]);
  const request = Buffer.concat([
    ...[int(2, 0), int(2, 3), int(4, 7), text('raw')],
    ...[int(2, UNKNOWN), int(2, 1), int(4, 30_000)], // no transaction, stored by the leader
    ...[int(4, 1), text(topic), int(4, 1), int(4, partition), int(4, batch.length), batch],
  ]);
  const errorCodeAt = 4 + 4 + 4 + 2 + topic.length + 4 + 4;
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () =>
      socket.write(Buffer.concat([int(4, request.length), request])),
    );
    let answer = Buffer.alloc(0);
    socket.on('data', (data) => {
      answer = Buffer.concat([answer, data]);
      if (answer.length < errorCodeAt + 2) return;
      resolve(answer.readInt16BE(errorCodeAt));
      socket.destroy();
    });
    socket.on('error', () => undefined).on('close', () => resolve(-2));
  });
}
