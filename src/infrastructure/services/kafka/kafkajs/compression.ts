import { promisify } from 'node:util';
import { gzip, unzip } from 'node:zlib';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Kafkajs } from '../client/kafkajs-client.js';

/** What a batch of records can be compressed with, and what the client calls it. */
const COMPRESSION = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' } as const;
export type Compression = keyof typeof COMPRESSION;

type Numbers = Kafkajs['CompressionTypes'];

export function numberOf(compression: Compression, { CompressionTypes }: Kafkajs): Numbers[keyof Numbers] {
  return CompressionTypes[COMPRESSION[compression]];
}

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** A few kilobytes can be made to expand to gigabytes. Brokers take batches of one megabyte unless they are configured otherwise. */
export const MAX_EXPANDED_BYTES = 128 * 2 ** 20;

type Make = () => Codec;
type Packaged = Exclude<Compression, 'none' | 'gzip'>;

interface CodecPackage {
  readonly name: string;
  readonly load: () => Promise<unknown>;
  /** Each has its own way to give the codec. */
  readonly codecOf: (main: unknown) => Make;
}

const PACKAGES: Readonly<Record<Packaged, CodecPackage>> = {
  snappy: {
    name: 'kafkajs-snappy',
    load: () => import('kafkajs-snappy'),
    codecOf: (main) => main as Make,
  },
  lz4: {
    name: 'kafkajs-lz4',
    load: () => import('kafkajs-lz4'),
    codecOf: (Main) => new (Main as new () => { readonly codec: Make })().codec,
  },
  zstd: {
    name: '@kafkajs/zstd',
    load: () => import('@kafkajs/zstd'),
    codecOf: (main) => (main as () => Make)(),
  },
};

const [packing, expanding] = [promisify(gzip), promisify(unzip)];

const boundedGzip: Codec = {
  compress: ({ buffer }) => packing(buffer),
  decompress: async (buffer) => {
    try {
      return await expanding(buffer, { maxOutputLength: MAX_EXPANDED_BYTES });
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'ERR_BUFFER_TOO_LARGE') throw error;
      throw new MessagingError(
        'MESSAGE_TOO_LARGE',
        `Kafka holds a batch of ${buffer.length} bytes that expands to more than ${MAX_EXPANDED_BYTES}. It is not read: find who has published it, and move the group behind it with Kafka's own tools.`,
      );
    }
  },
};

/**
 * Gives the client every codec that is there, because others may have used it, and bounds what a batch may expand to.
 *
 * @throws MessagingError `DEPENDENCY_MISSING` when the one that is wanted for publishing is not installed.
 */
export async function prepareCompression(
  { CompressionCodecs, CompressionTypes }: Kafkajs,
  wanted: Compression,
  load: (from: CodecPackage) => Promise<unknown> = (from) => from.load(),
): Promise<void> {
  const codecs: Record<number, Make> = CompressionCodecs;
  codecs[CompressionTypes.GZIP] = () => boundedGzip;
  for (const kind of Object.keys(PACKAGES) as Packaged[]) {
    const { name, codecOf } = PACKAGES[kind];
    try {
      const loaded = (await load(PACKAGES[kind])) as { readonly default?: unknown };
      codecs[CompressionTypes[COMPRESSION[kind]]] = codecOf(loaded.default ?? loaded);
    } catch {
      if (kind === wanted)
        throw new MessagingError(
          'DEPENDENCY_MISSING',
          `Kafka needs the package "${name}" for compression: ${kind}, which cannot be loaded. Install it: npm install ${name}`,
        );
    }
  }
}
