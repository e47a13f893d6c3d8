import type { FetchData } from '../wire/fetch-encoder.js';
import { patchFetchCodec } from './patch-fetch-codec.js';

type Protocol = (of: { version: number }) => (data: FetchData) => {
  request: { encode: () => Promise<{ buffer: Buffer }> };
  response: { decode: (raw: Buffer) => Promise<{ responses: unknown[] }> };
};

async function made(version: number): Promise<ReturnType<ReturnType<Protocol>>> {
  await patchFetchCodec();
  const { default: fetch } = (await import('kafkajs/src/protocol/requests/fetch/index.js')) as {
    default: { protocol: Protocol };
  };
  return fetch.protocol({ version })({
    replicaId: -1,
    maxWaitTime: 500,
    minBytes: 1,
    maxBytes: 1024,
    topics: [],
  });
}

/** Throttled for 0 ms, error 0, session 0, and one topic with a partition that has nothing. */
const EMPTY = Buffer.concat([
  Buffer.alloc(4 + 2 + 4),
  Buffer.from([0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, 1]), // one topic "t" with one partition
  Buffer.from([0, 0, 0, 0, 0, 0]), // partition 0, error 0
  Buffer.alloc(8 + 8 + 8), // high watermark, last stable offset, start of the log
  Buffer.from([255, 255, 255, 255]), // no aborted transactions
  Buffer.from([255, 255, 255, 255]), // no preferred replica
  Buffer.from([0, 0, 0, 0]), // no records
]);

it('encodes and decodes in one pass', async () => {
  const { request, response } = await made(11);
  expect((await request.encode()).constructor).toBe(Object); // not an encoder of the client
  expect((await response.decode(EMPTY)).responses).toEqual([]); // the client lists partitions that have nothing
});

it('leaves other versions to the client', async () => {
  const { request } = await made(10);
  expect((await request.encode()).constructor).not.toBe(Object);
});
