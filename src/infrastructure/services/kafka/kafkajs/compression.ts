import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import type { Kafkajs } from '../client/kafkajs-client.js';
import { boundCodec, boundedGzip, type Codec } from './patch-codec-bounds.js';

/** What a batch of records can be compressed with, and what the client calls it. */
const COMPRESSION = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' } as const;
export type Compression = keyof typeof COMPRESSION;

type Numbers = Kafkajs['CompressionTypes'];

export function numberOf(compression: Compression, { CompressionTypes }: Kafkajs): Numbers[keyof Numbers] {
  return CompressionTypes[COMPRESSION[compression]];
}

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

const packing = promisify(gzip);

const gzipCodec: Codec = { compress: ({ buffer }) => packing(buffer), decompress: boundedGzip };

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
  codecs[CompressionTypes.GZIP] = () => gzipCodec;
  for (const kind of Object.keys(PACKAGES) as Packaged[]) {
    const { name, codecOf } = PACKAGES[kind];
    try {
      const loaded = (await load(PACKAGES[kind])) as { readonly default?: unknown };
      const make = codecOf(loaded.default ?? loaded);
      codecs[CompressionTypes[COMPRESSION[kind]]] = () => boundCodec(kind, make());
    } catch {
      if (kind === wanted)
        throw new MessagingError(
          'DEPENDENCY_MISSING',
          `Kafka needs the package "${name}" for compression: ${kind}, which cannot be loaded. Install it: npm install ${name}`,
        );
    }
  }
}
