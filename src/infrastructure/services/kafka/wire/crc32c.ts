/** Castagnoli, reflected: https://www.rfc-editor.org/rfc/rfc3720#section-12.1 */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;
const TABLES = tables();

/**
 * The checksum of a record batch. Eight bytes at a time, which takes a quarter of the time of the usual single table.
 * Source: Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation" (slicing by eight).
 */
export function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  let crc = -1;
  let at = 0;
  for (const end = bytes.length - (bytes.length % SLICES); at < end; at += SLICES) {
    const low =
      crc ^
      (byte(bytes, at) |
        (byte(bytes, at + 1) << 8) |
        (byte(bytes, at + 2) << 16) |
        (byte(bytes, at + 3) << 24));
    crc =
      of(t7, low & 0xff) ^
      of(t6, (low >>> 8) & 0xff) ^
      of(t5, (low >>> 16) & 0xff) ^
      of(t4, low >>> 24) ^
      of(t3, byte(bytes, at + 4)) ^
      of(t2, byte(bytes, at + 5)) ^
      of(t1, byte(bytes, at + 6)) ^
      of(t0, byte(bytes, at + 7));
  }
  for (; at < bytes.length; at += 1) crc = of(t0, (crc ^ byte(bytes, at)) & 0xff) ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function of(table: Int32Array, index: number): number {
  return table[index] as number;
}

type Eight<T> = readonly [T, T, T, T, T, T, T, T];

function tables(): Eight<Int32Array> {
  const all = Array.from({ length: SLICES }, () => new Int32Array(256));
  const [first] = all as [Int32Array];
  for (let index = 0; index < 256; index += 1) {
    let crc = index;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    first[index] = crc;
  }
  for (let slice = 1; slice < SLICES; slice += 1) {
    const [table, before] = [all[slice], all[slice - 1]] as [Int32Array, Int32Array];
    for (let index = 0; index < 256; index += 1) {
      const crc = of(before, index);
      table[index] = (crc >>> 8) ^ of(first, crc & 0xff);
    }
  }
  return all as unknown as Eight<Int32Array>;
}
