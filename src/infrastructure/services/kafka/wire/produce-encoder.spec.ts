import { crc32c } from './crc32c.js';
import { encode } from './kafka-record.js';
import { encodeProduce, isOurs, type ProduceData } from './produce-encoder.js';

interface Encoded {
  readonly buffer: Buffer;
}

const theirs = async (data: ProduceData): Promise<Buffer> => {
  const { default: request } = (await import('kafkajs/src/protocol/requests/produce/v3/request.js')) as {
    default: (of: ProduceData) => { encode: () => Promise<Encoded> };
  };
  return (await request(data).encode()).buffer;
};

const record = (index: number, text = 'x', more: Record<string, string> = {}) =>
  encode({
    id: `id-${index}`,
    headers: { 'content-type': 'application/json', ...more },
    body: Buffer.from(text),
    ...(index % 2 === 0 ? { key: `key-${index}-é` } : {}),
  });

const dataOf = (...batches: readonly (readonly object[])[]): ProduceData => ({
  acks: -1,
  timeout: 30_000,
  topicData: [
    {
      topic: 'orders',
      partitions: batches.map((messages, partition) => ({ partition, messages, firstSequence: 7 })),
    },
  ],
});

beforeEach(() => jest.spyOn(Date, 'now').mockReturnValue(1_790_000_000_123));
afterEach(() => jest.restoreAllMocks());

describe('a request for records of ours', () => {
  it.each([
    ['one record', dataOf([record(1)])],
    ['several partitions', dataOf([record(1), record(2)], [record(3)])],
    ['empty bodies', dataOf([record(1, ''), record(2, '')])],
    [
      'bodies of every length around which lengths grow',
      dataOf(range(300).map((n) => record(n, 'y'.repeat(n)))),
    ],
    [
      'long and short ones in turn',
      dataOf(range(50).map((n) => record(n, 'z'.repeat(n % 2 === 0 ? 3 : 20_000)))),
    ],
    ['a megabyte', dataOf([record(1, 'b'.repeat(2 ** 20))])],
    [
      'headers that are not ASCII, long or empty',
      dataOf([record(1, 'x', { ключ: 'значение', long: '€'.repeat(700), none: '' })]),
    ],
    [
      'more headers than a byte counts',
      dataOf([record(1, 'x', Object.fromEntries(range(90).map((n) => [`h${n}`, `${n}`])))]),
    ],
  ])('is what the client would send: %s', async (_, data) => {
    expect(isOurs(data)).toBe(true);
    const [own, expected] = [encodeProduce(data), await theirs(data)];
    expect(own.equals(expected)).toBe(true);
  });

  it('carries the numbers of an idempotent producer', async () => {
    const { default: Long } = (await import('kafkajs/src/utils/long.js')) as {
      default: { fromValue: (text: string) => NonNullable<ProduceData['producerId']> };
    };
    for (const producerId of ['8589934601', 7, Long.fromValue('8589934601')]) {
      const data = { ...dataOf([record(1)]), producerId, producerEpoch: 3 };
      expect(encodeProduce(data).equals(await theirs(data))).toBe(true);
    }
  });
});

it.each([
  ['records of others', dataOf([record(1), { key: null, value: Buffer.from('x') }])],
  ['nothing', dataOf([])],
  ['compressed ones', { ...dataOf([record(1)]), compression: 1 }],
  ['transactions', { ...dataOf([record(1)]), transactionalId: 'tx' }],
])('leaves %s to the client', (_, data) => {
  expect(isOurs(data)).toBe(false);
});

it('checks as Kafka does', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283); // of the RFC
  expect(crc32c(Buffer.alloc(0))).toBe(0);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
});

function range(count: number): number[] {
  return [...Array(count).keys()];
}
