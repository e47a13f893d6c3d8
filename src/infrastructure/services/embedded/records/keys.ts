/**
 * Keys of the tables, compared as bytes, so that numbers are stored with the most significant byte first.
 *
 * `log`: topic (4) last sequence number of the block (6). `due`: owner (4) due time in ms (6) serial number (4 + 4).
 */
const TWO_32 = 2 ** 32;
/** Larger than any sequence number or time. */
export const LAST = 2 ** 48 - 1;

export function logKey(topicId: number, seq: number): Buffer {
  const key = Buffer.allocUnsafe(10);
  key.writeUInt32BE(topicId, 0);
  key.writeUIntBE(seq, 4, 6);
  return key;
}

export function topicOf(key: Buffer): number {
  return key.readUInt32BE(0);
}

export function seqOf(key: Buffer): number {
  return key.readUIntBE(4, 6);
}

export function dueKey(ownerId: number, dueMs: number, serial: number): Buffer {
  const key = Buffer.allocUnsafe(18);
  key.writeUInt32BE(ownerId, 0);
  key.writeUIntBE(Math.min(Math.max(Math.floor(dueMs), 0), LAST), 4, 6);
  key.writeUInt32BE(Math.floor(serial / TWO_32), 10);
  key.writeUInt32BE(serial % TWO_32, 14);
  return key;
}

export function dueMsOf(key: Buffer): number {
  return key.readUIntBE(4, 6);
}

export function serialOf(key: Buffer): number {
  return key.readUInt32BE(10) * TWO_32 + key.readUInt32BE(14);
}
