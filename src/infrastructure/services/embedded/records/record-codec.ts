import { crc32 } from 'node:zlib';

/**
 * A record as it lies on disk: {@link MARK} (4) CRC-32 (4) value. The checksum covers the name of the table and the key
 * too, so that a record in a wrong place is no better than an altered one.
 */
const HEAD_BYTES = 8;
/** No record of format 1 begins like this: they begin with a brace, a small number, a letter or a time. */
const MARK = 0xfe53_59d2;

/** A record as it is read. */
export interface StoredRecord {
  /** Without its head; all the bytes where they are not what was written. */
  readonly value: Buffer;
  readonly isCorrupt: boolean;
}

/** @param table {@link tableSeed} of the table that the record is for. */
export function encodeRecord(table: number, key: Uint8Array, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + value.length);
  bytes.writeUInt32BE(MARK, 0);
  bytes.writeUInt32BE(crc32(value, crc32(key, table)), 4);
  bytes.set(value, HEAD_BYTES);
  return bytes;
}

/** @param mayBePlain whether the record may be one of format 1, which had no checksums. */
export function decodeRecord(
  table: number,
  { key, bytes, mayBePlain }: { key: Uint8Array; bytes: Buffer; mayBePlain: boolean },
): StoredRecord {
  if (bytes.length >= HEAD_BYTES) {
    const value = bytes.subarray(HEAD_BYTES);
    if (crc32(value, crc32(key, table)) === bytes.readUInt32BE(4)) return { value, isCorrupt: false };
    if (bytes.readUInt32BE(0) === MARK) return { value, isCorrupt: true };
  }
  return { value: bytes, isCorrupt: !mayBePlain };
}

/** What the checksums of a table begin with. */
export function tableSeed(name: string): number {
  return crc32(name);
}
