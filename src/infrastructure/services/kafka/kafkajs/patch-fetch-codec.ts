import type { Expand } from '../wire/batch-decoder.js';
import { type AskedOffset, decodeFetch } from '../wire/fetch-decoder.js';
import { encodeFetch, type FetchData } from '../wire/fetch-encoder.js';
import { internal, replaceFunction } from './internals.js';

/** Of the request and its answer, which all brokers since 2.3 give. */
const VERSION = 11;

/**
 * Symptom: decoding takes most of the time of reading. Cause: the client reads each field of a record through objects of its own. An
 * answer is decoded in one pass instead; one of a format older than 2 is left to the client.
 *
 * A second symptom: one record that cannot be read stops its partition for ever, and a batch of millions of records, or a record of
 * thousands of headers, takes all memory or time. Cause: an answer is decoded at once, without bounds, and fails as a whole. Here
 * what cannot be read comes as a record that is marked as unreadable, within `DECODE_LIMITS`.
 *
 * Public issues: https://github.com/tulios/kafkajs/issues/398 compares its speed with that of a native client;
 * https://github.com/tulios/kafkajs/issues/715 is a batch that stops a consumer.
 * Versions: 2.2.4, the last one.
 * Proof: `patch-fetch-codec.spec.ts`; that both say the same, `fetch-encoder.spec.ts` and `fetch-decoder.spec.ts`; the bounds,
 * `batch-decoder.spec.ts` and against a broker `kafka-poison.spec.ts`.
 */
export async function patchFetchCodec(): Promise<void> {
  const [fetch, codecs] = await Promise.all([
    internal<FetchRequest>(() => import('kafkajs/src/protocol/requests/fetch/index.js')),
    internal<Codecs>(() => import('kafkajs/src/protocol/message/compression/index.js')),
  ]);
  const codecOf = codecs?.lookupCodecByAttributes;
  if (!codecOf) return;
  const expand: Expand = (attributes) => {
    const codec = codecOf(attributes);
    return codec ? (compressed) => codec.decompress(compressed) : undefined;
  };
  replaceFunction(fetch, 'protocol', (original) => ({ version }) => {
    const make = original({ version });
    if (version !== VERSION) return make;
    return (data) => {
      const made = make(data);
      made.request.encode = () => {
        const buffer = encodeFetch(data);
        return Promise.resolve({ buf: buffer, buffer }); // what the client looks for in an encoder of its own
      };
      const decode = async (raw: Buffer): Promise<object> =>
        (await decodeFetch(raw, expand, askedOffsets(data))) ?? made.response.decode(raw);
      return { ...made, response: { ...made.response, decode } };
    };
  });
}

function askedOffsets({ topics }: FetchData): AskedOffset {
  const offsets = new Map<string, Map<number, number>>();
  for (const { topic, partitions } of topics) {
    const ofTopic = offsets.get(topic) ?? new Map<number, number>(); // the client may list a topic more than once
    for (const { partition, fetchOffset } of partitions)
      ofTopic.set(partition, Number(fetchOffset.toString()));
    offsets.set(topic, ofTopic);
  }
  return (topic, partition) => offsets.get(topic)?.get(partition) ?? 0;
}

interface Fetching {
  readonly request: { encode: () => Promise<unknown> };
  readonly response: { decode(raw: Buffer): Promise<object> };
}

interface FetchRequest {
  protocol?: (of: { readonly version: number }) => (data: FetchData) => Fetching;
}

interface Codecs {
  readonly lookupCodecByAttributes?: (
    attributes: number,
  ) => { decompress(compressed: Buffer): Promise<Buffer> } | null;
}
