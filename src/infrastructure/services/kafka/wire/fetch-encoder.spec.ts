import { encodeFetch, type FetchData } from './fetch-encoder.js';

interface Long {
  fromValue(text: string): { toString(): string };
}

type Theirs = (of: FetchData) => { encode: () => Promise<{ readonly buffer: Buffer }> };

const asked: FetchData = { replicaId: -1, maxWaitTime: 500, minBytes: 1, maxBytes: 10_485_760, topics: [] };
const partition = (id: number, fetchOffset: string) => ({ partition: id, fetchOffset, maxBytes: 2 ** 20 });

it.each<[string, FetchData]>([
  ['nothing', asked],
  ['a partition', { ...asked, topics: [{ topic: 'orders', partitions: [partition(0, '0')] }] }],
  [
    'topics with many',
    {
      ...asked,
      isolationLevel: 0,
      rackId: 'eu-1 é',
      topics: [
        { topic: 'a', partitions: Array.from({ length: 300 }, (_, id) => partition(id, `${2 ** 40 + id}`)) },
        { topic: 'b'.repeat(249), partitions: [partition(7, '9007199254740993')] },
      ],
    },
  ],
])('is what the client would send: %s', async (_, data) => {
  const [{ default: theirs }, { default: long }] = (await Promise.all([
    import('kafkajs/src/protocol/requests/fetch/v11/request.js'),
    import('kafkajs/src/utils/long.js'),
  ])) as [{ default: Theirs }, { default: Long }];
  const topics = data.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((one) => ({ ...one, fetchOffset: long.fromValue(String(one.fetchOffset)) })),
  }));
  const expected = (await theirs({ ...data, topics }).encode()).buffer;
  expect(encodeFetch(data).equals(expected)).toBe(true);
  expect(encodeFetch({ ...data, topics }).equals(expected)).toBe(true);
});
