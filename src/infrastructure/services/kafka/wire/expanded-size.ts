/** Of https://github.com/xerial/snappy-java, whose frames the Java client writes: magic, two versions, then parts. */
const XERIAL_HEADER = Buffer.from([130, 83, 78, 65, 80, 80, 89, 0]);
const XERIAL_HEADER_BYTES = 16;

/** The parts of a Snappy batch, each with a length of its own before it is compressed; one where there are no frames. */
export function snappyParts(compressed: Buffer): Buffer[] {
  if (!compressed.subarray(0, XERIAL_HEADER.length).equals(XERIAL_HEADER)) return [compressed];
  const parts: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < compressed.length;) {
    const length = at + 4 <= compressed.length ? compressed.readUInt32BE(at) : Infinity;
    if (at + 4 + length > compressed.length) throw new RangeError('a part is longer than the batch');
    parts.push(compressed.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts;
}

/** Bytes that one part says it expands to, which its codec allocates: https://github.com/google/snappy/blob/main/format_description.txt */
export function snappyBytes(part: Buffer): number {
  let bytes = 0;
  for (let at = 0, scale = 1; at < 5; at += 1, scale *= 0x80) {
    const byte = part[at];
    if (byte === undefined) break;
    bytes += (byte & 0x7f) * scale;
    if (byte < 0x80) return bytes;
  }
  throw new RangeError('a part has no length');
}

const LZ4_MAGIC = 0x184d2204;
const LZ4_VERSION = 1;
const LZ4_UNCOMPRESSED = 0x8000_0000;

/** A frame, from its first byte. */
interface Frame {
  /** That it expands to, at most. */
  readonly bytes: number;
  /** Where the next one begins. */
  readonly end: number;
}

/** Most bytes that LZ4 frames expand to: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md */
export function lz4Bytes(compressed: Buffer): number {
  return sumOf(compressed, lz4Frame);
}

function lz4Frame(compressed: Buffer, start: number): Frame {
  if (compressed.readUInt32LE(start) !== LZ4_MAGIC) throw new RangeError('it is no LZ4 frame');
  const flags = compressed.readUInt8(start + 4);
  if (flags >> 6 !== LZ4_VERSION) throw new RangeError('its LZ4 version is not known');
  const maxBlockBytes = 2 ** (8 + 2 * ((compressed.readUInt8(start + 5) >> 4) & 7));
  const checksumBytes = flags & 0x10 ? 4 : 0;
  let at = start + 7 + (flags & 0x8 ? 8 : 0) + (flags & 0x1 ? 4 : 0);
  let bytes = 0;
  for (let size = compressed.readUInt32LE(at); size !== 0; size = compressed.readUInt32LE(at)) {
    const stored = size % LZ4_UNCOMPRESSED;
    bytes += size >= LZ4_UNCOMPRESSED ? stored : maxBlockBytes;
    at += 4 + stored + checksumBytes;
  }
  return { bytes, end: at + 4 + (flags & 0x4 ? 4 : 0) };
}

function sumOf(compressed: Buffer, frameAt: (compressed: Buffer, start: number) => Frame): number {
  let bytes = 0;
  for (let at = 0; at < compressed.length;) {
    const frame = frameAt(compressed, at);
    bytes += frame.bytes;
    at = frame.end;
  }
  return bytes;
}

const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_SKIPPABLE = 0x184d2a5;
const ZSTD_MAX_BLOCK_BYTES = 2 ** 17;
const ZSTD_REPEATED = 1;
const ZSTD_COMPRESSED = 2;
const ZSTD_DICTIONARY_BYTES = [0, 1, 2, 4];
const ZSTD_SIZE_BYTES = [0, 2, 4, 8];

/** Most bytes that Zstandard frames expand to: https://github.com/facebook/zstd/blob/dev/doc/zstd_compression_format.md */
export function zstdBytes(compressed: Buffer): number {
  return sumOf(compressed, zstdFrame);
}

function zstdFrame(compressed: Buffer, from: number): Frame {
  const magic = compressed.readUInt32LE(from);
  if (magic >>> 4 === ZSTD_SKIPPABLE) return { bytes: 0, end: from + 8 + compressed.readUInt32LE(from + 4) };
  if (magic !== ZSTD_MAGIC) throw new RangeError('it is no Zstandard frame');
  return zstdBlocks(compressed, from + 4);
}

function zstdBlocks(compressed: Buffer, start: number): Frame {
  const flags = compressed.readUInt8(start);
  const isSingleSegment = (flags & 0x20) > 0;
  const sizeBytes = ZSTD_SIZE_BYTES[flags >> 6] || (isSingleSegment ? 1 : 0);
  let at = start + 1 + (isSingleSegment ? 0 : 1) + (ZSTD_DICTIONARY_BYTES[flags & 3] ?? 0) + sizeBytes;
  const saidBytes = sizeBytes > 0 ? zstdContentBytes(compressed, at - sizeBytes, sizeBytes) : 0;
  let blockBytes = 0;
  for (let isLast = false; !isLast;) {
    const head = compressed.readUIntLE(at, 3);
    const [type, size] = [(head >> 1) & 3, head >> 3];
    isLast = (head & 1) === 1;
    blockBytes += type === ZSTD_COMPRESSED ? ZSTD_MAX_BLOCK_BYTES : size;
    at += 3 + (type === ZSTD_REPEATED ? 1 : size);
  }
  return { bytes: Math.max(saidBytes, blockBytes), end: at + (flags & 0x4 ? 4 : 0) };
}

function zstdContentBytes(compressed: Buffer, at: number, length: number): number {
  if (length === 8) return Number(compressed.readBigUInt64LE(at));
  const size = compressed.readUIntLE(at, length);
  return length === 2 ? size + 256 : size;
}
