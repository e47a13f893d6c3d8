import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import { DECODE_LIMITS } from '../wire/decode-limits.js';
import { lz4Bytes, snappyBytes, snappyParts, zstdBytes } from '../wire/expanded-size.js';

/** What expands batches for the client. */
export interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

const expanding = promisify(unzip);

/**
 * Symptom: one batch of a few kilobytes takes all memory of every process that reads its partition, which then never gets past it.
 * Cause: the client and the packages of its codecs expand whatever they are given. Frames of Snappy are besides copied once more with
 * every part. Here a batch is expanded only where it fits into {@link DECODE_LIMITS}, and Snappy part by part.
 *
 * Public issue: https://github.com/tulios/kafkajs/issues/1795.
 * Versions: 2.2.4, the last one; kafkajs-snappy 1.1.0, kafkajs-lz4 1.2.1 and @kafkajs/zstd 0.1.1, the last ones.
 * Proof: `patch-codec-bounds.spec.ts`.
 */
export function boundCodec(kind: 'snappy' | 'lz4' | 'zstd', codec: Codec): Codec {
  const bounded: Readonly<Record<typeof kind, Codec['decompress']>> = {
    snappy: (buffer) => expandSnappy(buffer, codec),
    lz4: (buffer) => expandMeasured(buffer, lz4Bytes(buffer), codec),
    zstd: (buffer) => expandMeasured(buffer, zstdBytes(buffer), codec),
  };
  return {
    compress: (encoder) => codec.compress(encoder),
    decompress: async (buffer) => bounded[kind](buffer), // async, so that it rejects when the lengths cannot be read
  };
}

/** As {@link boundCodec}, for the one that Node has. */
export async function boundedGzip(buffer: Buffer): Promise<Buffer> {
  const { maxExpandedBytes } = DECODE_LIMITS;
  try {
    return await expanding(buffer, { maxOutputLength: maxExpandedBytes });
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw error;
  }
}

async function expandSnappy(buffer: Buffer, codec: Codec): Promise<Buffer> {
  const parts = snappyParts(buffer);
  assertFits(parts.reduce((sum, part) => sum + snappyBytes(part), 0));
  const expanded: Buffer[] = [];
  for (const part of parts) {
    if (expanded.length > 0) await turn(); // the package works in this thread
    expanded.push(await codec.decompress(part));
  }
  return expanded.length === 1 ? (expanded[0] as Buffer) : Buffer.concat(expanded);
}

function expandMeasured(buffer: Buffer, bytes: number, codec: Codec): Promise<Buffer> {
  assertFits(bytes);
  return codec.decompress(buffer);
}

function assertFits(bytes: number): void {
  if (bytes > DECODE_LIMITS.maxExpandedBytes) throw tooLarge();
}

function tooLarge(): RangeError {
  return new RangeError(`it expands to more than ${DECODE_LIMITS.maxExpandedBytes} bytes`);
}
