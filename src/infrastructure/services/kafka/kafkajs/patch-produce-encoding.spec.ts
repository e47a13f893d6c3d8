import { encode } from '../wire/kafka-record.js';
import { encodeProduce, type ProduceData } from '../wire/produce-encoder.js';
import { patchProduceEncoding } from './patch-produce-encoding.js';

type Protocol = (of: {
  version: number;
}) => (data: ProduceData) => { request: { encode: () => Promise<{ buffer: Buffer }> } };

async function encoded(version: number, data: ProduceData): Promise<{ buffer: Buffer }> {
  await patchProduceEncoding();
  const { default: produce } = (await import('kafkajs/src/protocol/requests/produce/index.js')) as {
    default: { protocol: Protocol };
  };
  return produce.protocol({ version })(data).request.encode();
}

const dataOf = (messages: readonly object[]): ProduceData => ({
  acks: -1,
  timeout: 30_000,
  topicData: [{ topic: 'orders', partitions: [{ partition: 0, messages, firstSequence: 0 }] }],
});

it('encodes what this package publishes in one pass', async () => {
  const data = dataOf([encode({ id: '1', headers: {}, body: Buffer.from('x') })]);
  const { constructor, buffer } = await encoded(7, data);
  expect(constructor).toBe(Object); // not an encoder of the client
  expect(buffer).toHaveLength(encodeProduce(data).length); // it holds the time
});

it('leaves what others publish to the client', async () => {
  const { constructor } = await encoded(7, dataOf([{ key: null, value: 'x', headers: {}, timestamp: '0' }]));
  expect(constructor).not.toBe(Object);
});
