import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Admin, Kafka, logLevel, Partitioners } from 'kafkajs';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { freePorts } from '../support/brokers/server-process.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected, kafkaBench } from './kafka-bench.js';
import { closeAll, codeOf, collected, publishOne } from './transport-bench.js';

let server: KafkaCluster;
let kafka: Kafka;
let admin: Admin;

beforeAll(async () => {
  server = await startKafka();
  kafka = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING });
  admin = kafka.admin();
  await admin.connect();
}, 120_000);
afterAll(async () => {
  await admin.disconnect();
  await server.stop();
});
afterEach(closeAll);

const options = (): { brokers: string[]; namePrefix: string } => ({
  brokers: server.brokers,
  namePrefix: `${randomUUID().slice(0, 8)}.`,
});

it('no server listens: connecting rejects in time and says where', async () => {
  const [port] = await freePorts(1);
  const { transport } = kafkaBench({ brokers: [`127.0.0.1:${port}`], connectTimeoutMs: 1_000 });
  await expect(transport.connect()).rejects.toMatchObject({
    code: 'TRANSPORT_UNAVAILABLE',
    message: expect.stringContaining(`127.0.0.1:${port}`) as string,
  });
});

it('more replicas than brokers: refused, with what to change', async () => {
  const { transport } = await connected({ ...options(), replicationFactor: 3 });
  const outcome = await publishOne(transport, 't');
  expect([outcome.kind, codeOf(outcome)]).toEqual(['refused', 'CONFIGURATION']);
});

it('a topic that cannot be made is refused alone, not those that are made together with it', async () => {
  const { transport } = await connected(options());
  const outcomes = await Promise.all(['a', 'b!', 'c', 'd'].map((topic) => publishOne(transport, topic)));
  expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'refused', 'accepted', 'accepted']);
  expect(codeOf(outcomes[1]!)).toBe('TOPIC_INVALID');
});

it('a message that the topic does not take is refused, and its neighbours are not harmed', async () => {
  const place = options();
  await admin.createTopics({
    topics: [
      {
        topic: `${place.namePrefix}t`,
        numPartitions: 1,
        configEntries: [{ name: 'max.message.bytes', value: '10000' }],
      },
    ],
  });
  const { transport } = await connected(place);
  const large = { id: 'large', headers: {}, body: Buffer.alloc(100_000) };
  const [refused] = await transport.publish({ topic: 't' }, [large], { deadlineMs: 5_000 });
  expect([refused?.kind, codeOf(refused!)]).toEqual(['refused', 'MESSAGE_TOO_LARGE']);
  const small = (id: string) => ({ id, headers: {}, body: Buffer.from('x') });
  const together = await transport.publish({ topic: 't' }, [small('a'), large, small('b')], {
    deadlineMs: 5_000,
  });
  expect(together.map(({ kind }) => kind)).toEqual(['accepted', 'refused', 'accepted']);
}, 30_000);

it('a deleted topic is created again, and publishing and consuming resume from its beginning', async () => {
  const place = options();
  const { transport } = await connected(place);
  const deliveries = await collected(transport, 't');
  const keys = Array.from({ length: 30 }, (_, nth) => `${nth}`); // in every partition
  const publish = async (when: string): Promise<boolean> => {
    const messages = keys.map((key) => ({ id: `${when} ${key}`, key, headers: {}, body: Buffer.from('x') }));
    const outcomes = await transport.publish({ topic: 't' }, messages, { deadlineMs: 5_000 });
    return outcomes.every(({ kind }) => kind === 'accepted');
  };
  const haveCome = (when: string) => async (): Promise<boolean> =>
    keys.every((key) => deliveries.some(({ message }) => message.id === `${when} ${key}`));
  expect(await publish('before')).toBe(true);
  await waitUntil('the first have come', haveCome('before'));
  await admin.deleteTopics({ topics: [`${place.namePrefix}t`] });
  await waitUntil('all are accepted again', () => publish('after'));
  await waitUntil('all come', haveCome('after'));
}, 120_000);

it('a topic is created after the backlog of one was asked for that is gone', async () => {
  const place = options();
  const { transport } = await connected(place);
  const accepted = async (topic: string): Promise<boolean> => {
    const message = { id: topic, headers: {}, body: Buffer.from('x') };
    const outcomes = await transport.publish({ topic }, [message], { deadlineMs: 5_000 });
    return outcomes.every(({ kind }) => kind === 'accepted');
  };
  const of = { topic: 'gone', group: 'g', concurrency: 1, ordering: 'none' } as const;
  await (await transport.consume(of, () => Promise.resolve({ kind: 'ack' }))).stop();
  expect(await accepted('gone')).toBe(true);
  expect(await transport.backlog({ topic: 'gone', group: 'g' })).toMatchObject({ ready: 1 });
  const topics = [`${place.namePrefix}gone`];
  await admin.deleteTopics({ topics });
  await waitUntil('it is gone', async () => !(await admin.listTopics()).includes(topics[0]!));
  expect(await accepted('next')).toBe(true);
}, 60_000);

it('a foreign record comes with what can be made of it', async () => {
  const place = options();
  const { transport } = await connected(place);
  const deliveries = await collected(transport, 't');
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({
    topic: `${place.namePrefix}t`,
    messages: [
      { key: 'k', value: 'not ours', headers: { some: 'header' } },
      { key: null, value: null },
    ],
  });
  await producer.disconnect();
  await waitUntil('both have come', async () => deliveries.length === 2);
  const [ours, tombstone] = deliveries.sort((a, b) => b.message.body.length - a.message.body.length);
  expect(ours?.message).toMatchObject({ key: 'k', headers: { some: 'header' } });
  expect(tombstone?.message.body).toHaveLength(0);
});

it('only committed records of foreign transactions are consumed', async () => {
  const place = options();
  const { transport } = await connected(place);
  const deliveries = await collected(transport, 't');
  const producer = kafka.producer({
    transactionalId: randomUUID(),
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  for (const id of ['aborted', 'committed']) {
    const transaction = await producer.transaction();
    await transaction.send({
      topic: `${place.namePrefix}t`,
      messages: [{ value: 'x', headers: { ce_id: id } }],
    });
    await (id === 'aborted' ? transaction.abort() : transaction.commit());
  }
  await producer.disconnect();
  await publishOne(transport, 't', { id: 'ours' });
  await waitUntil('both have come', async () => deliveries.length === 2);
  await wait(500);
  expect(deliveries.map(({ message }) => message.id).sort()).toEqual(['committed', 'ours']);
  // Control records have offsets, too: nothing is left that would come again.
  await waitUntil('all is settled', async () => {
    const { ready, inFlight } = await transport.backlog({ topic: 't', group: 'g' });
    return ready + inFlight === 0;
  });
}, 60_000);

it('an idle transport sets no timer again and again', async () => {
  const { transport } = await connected(options());
  await publishOne(transport, 't');
  const timers = jest.spyOn(globalThis, 'setTimeout');
  await wait(2_000);
  const set = timers.mock.calls.length;
  timers.mockRestore();
  expect(set).toBeLessThan(50); // the client by itself: thousands
});
