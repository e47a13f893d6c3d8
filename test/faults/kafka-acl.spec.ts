import { randomUUID } from 'node:crypto';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import {
  CREATE,
  DESCRIBE_CONFIGS,
  GROUP,
  permit,
  permitLeast,
  READ,
  TOPIC,
  withAcls,
  WRITE,
} from '../support/brokers/kafka-acls.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './kafka-bench.js';
import { closeAll, codeOf, collected, publishOne } from './transport-bench.js';

const PASSWORD = 'not to be printed';
let server: KafkaCluster;
let admin: Admin;

beforeAll(async () => {
  server = await startKafka(withAcls(PASSWORD));
  admin = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
}, 120_000);
afterEach(closeAll);
afterAll(async () => {
  await admin.disconnect();
  await server.stop();
});

const options = () => ({
  brokers: server.brokersOn('LOGIN'),
  namePrefix: `${randomUUID().slice(0, 8)}.`,
  sasl: { mechanism: 'plain', username: 'shop', password: PASSWORD },
});

it('refuses with what is not permitted, and resumes automatically once it is', async () => {
  const place = options();
  const { transport, errors } = await connected(place);
  const outcome = await publishOne(transport, 't', { deadlineMs: 10_000 });
  expect([outcome.kind, codeOf(outcome)]).toEqual(['refused', 'FORBIDDEN']);
  expect(JSON.stringify([outcome, errors()])).not.toContain(PASSWORD);
  await permitLeast(admin, place.namePrefix);
  await waitUntil('it is accepted', async () => (await publishOne(transport, 't')).kind === 'accepted');
}, 60_000);

it('publishes, delays, retries, counts and keeps order with the least that is permitted', async () => {
  const place = options();
  await permitLeast(admin, place.namePrefix);
  const { transport, errors } = await connected(place);
  const seen = await collected(transport, 't', ({ attempt }) =>
    attempt === 1 ? { kind: 'retry', delayMs: 200 } : { kind: 'ack' },
  );
  expect(await publishOne(transport, 't', { id: 'now', deadlineMs: 10_000 })).toMatchObject({
    kind: 'accepted',
  });
  const later = { id: 'later', key: 'k', headers: {}, body: Buffer.from('x') };
  const [delayed] = await transport.publish({ topic: 't' }, [later], { deadlineMs: 10_000, delayMs: 1_000 });
  expect(delayed?.kind).toBe('accepted');
  await waitUntil('both come twice', async () => seen.length === 4);
  expect(seen.map(({ message, attempt }) => `${message.id} ${attempt}`).sort()).toEqual([
    'later 1',
    'later 2',
    'now 1',
    'now 2',
  ]);
  await waitUntil('nothing is left', async () => {
    const { ready, inFlight } = await transport.backlog({ topic: 't', group: 'g' });
    return ready + inFlight === 0;
  });
  await transport.ping();
  expect(errors()).toEqual([]);
  expect(transport.problems()).toEqual([]);
}, 90_000);

it('works without DescribeConfigs, and reports that settings are not checked until it is permitted', async () => {
  const place = { ...options(), metadataMaxAgeMs: 1_000 };
  await permit(admin, TOPIC, place.namePrefix, [CREATE, READ, WRITE]);
  await permit(admin, GROUP, place.namePrefix, [READ]);
  const { transport } = await connected(place);
  await waitUntil('it is accepted', async () => (await publishOne(transport, 't')).kind === 'accepted');
  await waitUntil('it is reported', async () => transport.problems().length > 0);
  expect(transport.problems()).toMatchObject([{ code: 'topic_settings_unreadable' }]);
  await permit(admin, TOPIC, place.namePrefix, [DESCRIBE_CONFIGS]);
  await waitUntil('it is solved', async () => transport.problems().length === 0);
}, 60_000);
