import { type Compression, prepareCompression } from './compression.js';
import type { Codec } from './patch-codec-bounds.js';
import { failureOf } from '../client/kafka-errors.js';
import type { Kafkajs } from '../client/kafkajs-client.js';

const PACKED = Buffer.from('packed');
const codec = { compress: async () => PACKED, decompress: async () => Buffer.alloc(0) };
/** As the packages export it. */
const LOADED: Readonly<Record<string, unknown>> = {
  'kafkajs-snappy': { default: () => codec },
  'kafkajs-lz4': {
    default: class {
      readonly codec = () => codec;
    },
  },
  '@kafkajs/zstd': { default: () => () => codec },
};

async function prepared(wanted: Compression, ...installed: string[]) {
  const CompressionCodecs: Record<number, () => unknown> = {};
  const CompressionTypes = { None: 0, GZIP: 1, Snappy: 2, LZ4: 3, ZSTD: 4 };
  const kafkajs = { CompressionCodecs, CompressionTypes } as unknown as Kafkajs;
  await prepareCompression(kafkajs, wanted, ({ name }) =>
    installed.includes(name) ? Promise.resolve(LOADED[name]) : Promise.reject(new Error('not there')),
  );
  return CompressionCodecs as Record<number, () => Codec>;
}

it('uses every package that is installed, also for what others have compressed', async () => {
  const codecs = await prepared('none', ...Object.keys(LOADED));
  expect(Object.keys(codecs)).toEqual(['1', '2', '3', '4']);
  for (const kind of [2, 3, 4])
    expect(await codecs[kind]?.().compress({ buffer: Buffer.alloc(0) })).toBe(PACKED);
});

it.each(['snappy', 'lz4', 'zstd'] as const)(
  'wants the package for %s only where it is wanted',
  async (kind) => {
    expect(Object.keys(await prepared('gzip'))).toEqual(['1']);
    await expect(prepared(kind)).rejects.toMatchObject({ code: 'DEPENDENCY_MISSING' });
  },
);

it('says what to install for what cannot be read', () => {
  const cause = Object.assign(new Error('Snappy compression not implemented'), {
    name: 'KafkaJSNotImplemented',
  });
  expect(failureOf(cause, 'Kafka "k"', true).error).toMatchObject({
    code: 'DEPENDENCY_MISSING',
    message: expect.stringContaining('Snappy compression not implemented. Install kafkajs-snappy') as string,
  });
});
