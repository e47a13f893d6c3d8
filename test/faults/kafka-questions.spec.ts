import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { connected } from './kafka-bench.js';
import { closeAll } from './transport-bench.js';

const TOPICS = 30;
let server: KafkaCluster;

beforeAll(async () => {
  server = await startKafka();
}, 120_000);
afterAll(() => server.stop());
afterEach(closeAll);

it('answers the backlog of groups while other topics are created and asked for', async () => {
  const { transport, errors } = await connected({ brokers: server.brokers });
  const subscription = { topic: 'first', group: 'g', concurrency: 1, ordering: 'none' } as const;
  const consumer = await transport.consume(subscription, () => Promise.resolve({ kind: 'ack' }));
  await consumer.stop();
  const message = { id: '1', headers: {}, body: Buffer.from('x') };
  const [outcome] = await transport.publish({ topic: 'first' }, [message], { deadlineMs: 10_000 });
  expect(outcome?.kind).toBe('accepted');
  let created = 0;
  const creating = (async () => {
    for (; created < TOPICS; created++)
      await transport.publish({ topic: `other-${created}` }, [message], { deadlineMs: 10_000 });
  })();
  let asked = 0;
  while (created < TOPICS) {
    const all = await Promise.all([1, 2, 3].map(() => transport.backlog({ topic: 'first', group: 'g' })));
    expect(all.map(({ ready }) => ready)).toEqual([1, 1, 1]);
    asked += all.length;
  }
  await creating;
  expect(asked).toBeGreaterThan(TOPICS);
  expect(errors()).toEqual([]);
}, 60_000);
