import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Admin, ConfigResourceTypes, ConfigSource, Kafka, logLevel } from 'kafkajs';
import type { TransportEvent } from '../../src/core/messaging/ports/transport.js';
import type { KafkaTransport } from '../../src/infrastructure/services/kafka/kafka.transport.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected, kafkaBench } from './kafka-bench.js';
import { closeAll, codeOf, collected, publishOne } from './transport-bench.js';

let server: KafkaCluster;
let admin: Admin;

beforeAll(async () => {
  // A cluster whose defaults remove accepted messages.
  server = await startKafka({
    config: [
      'log.cleanup.policy=compact',
      'log.cleaner.min.cleanable.ratio=0.01',
      'log.cleaner.backoff.ms=500',
      'log.roll.ms=1000',
    ],
  });
  admin = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
}, 120_000);
afterAll(async () => {
  await admin.disconnect();
  await server.stop();
});
afterEach(closeAll);

const options = (): { brokers: string[]; namePrefix: string; metadataMaxAgeMs: number } => ({
  brokers: server.brokers,
  namePrefix: `${randomUUID().slice(0, 8)}.`,
  metadataMaxAgeMs: 2_000,
});
const topicOf = ({ namePrefix }: { namePrefix: string }): string => `${namePrefix}t`;

/** As the tool does it: settings that are not named stay. */
async function configure(name: string, settings: Record<string, string>): Promise<void> {
  const resource = { type: ConfigResourceTypes.TOPIC, name };
  const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false });
  const set = resources[0]!.configEntries.filter(
    ({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG,
  );
  const all = { ...Object.fromEntries(set.map((each) => [each.configName, each.configValue])), ...settings };
  const configEntries = Object.entries(all).map(([key, value]) => ({ name: key, value }));
  await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] });
  await waitUntil('the broker has applied it', async () => {
    const applied = await admin.describeConfigs({ resources: [resource], includeSynonyms: false });
    const values = new Map(
      applied.resources[0]!.configEntries.map((each) => [each.configName, each.configValue]),
    );
    return Object.entries(settings).every(([key, value]) => values.get(key) === value);
  });
}

async function createTopic(
  topic: string,
  settings: Record<string, string>,
  numPartitions = 3,
): Promise<void> {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  // kafkajs gives up its own wait when the broker does not know the new topic yet.
  await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: false });
  await waitUntil('the topic has its leaders', async () => {
    const found = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => undefined);
    const leaders = found?.topics[0]?.partitions.filter(({ leader }) => leader >= 0) ?? [];
    return leaders.length === numPartitions;
  });
}

const problemsIn = (events: readonly TransportEvent[], code: string): TransportEvent[] =>
  events.filter((event) => event.type === 'problem' && event.problem.code === code);

it('keeps every message of a key, and messages without one, whatever the defaults of the cluster are', async () => {
  const { transport } = await connected({ ...options(), partitions: 1 });
  const ids = Array.from({ length: 6 }, (_, nth) => `same-${nth}`);
  for (const id of ids) {
    const message = { id, key: 'same', headers: {}, body: Buffer.from('x') };
    const [outcome] = await transport.publish({ topic: 't' }, [message], { deadlineMs: 9_000 });
    expect(outcome?.kind).toBe('accepted');
    await wait(1_100); // a segment of its own, which the cleaner may take
  }
  expect((await publishOne(transport, 't', { id: 'keyless' })).kind).toBe('accepted');
  await wait(5_000);
  const deliveries = await collected(transport, 't', ({ attempt }) =>
    attempt < 2 ? { kind: 'retry', delayMs: 100 } : { kind: 'ack' },
  );
  await waitUntil('all have their second attempt', async () => deliveries.length === 14);
  expect(transport.problems()).toEqual([]);
}, 90_000);

it.each([
  ['a compacted topic', 't', { 'cleanup.policy': 'compact' }, 'cleanup.policy=delete'],
  [
    'a wait topic that forgets before messages are due',
    '.wait.8s',
    { 'cleanup.policy': 'delete', 'retention.ms': '5000' },
    'retention.ms=',
  ],
])(
  'refuses %s at the start, with the command, and works once it is run',
  async (_, name, settings, needed) => {
    const place = options();
    await createTopic(place.namePrefix + name, settings);
    const { transport } = await connected(place);
    const error: unknown = await collected(transport, 't').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TOPOLOGY_UNSAFE' });
    const { message } = error as Error;
    expect(message).toContain(`--entity-name ${place.namePrefix}${name} --add-config`);
    expect(message).toContain(needed);
    if (name === 't') {
      const outcome = await publishOne(transport, 't');
      expect([outcome.kind, codeOf(outcome)]).toEqual(['unavailable', 'TOPOLOGY_UNSAFE']);
    }
    await runCommands(message);
    const deliveries = await collected(transport, 't');
    expect((await publishOne(transport, 't')).kind).toBe('accepted');
    await waitUntil('it comes', async () => deliveries.length === 1);
  },
  60_000,
);

it('reports settings that may lose messages one day, with the command, until they are right', async () => {
  const place = options();
  await createTopic(topicOf(place), {
    'cleanup.policy': 'delete',
    'retention.bytes': '1000000000',
    'max.message.bytes': '2000',
  });
  const { transport, events } = await connected(place);
  const outcome = await publishOne(transport, 't');
  expect(outcome.kind).toBe('accepted');
  await waitUntil('it is reported', async () => transport.problems().length > 0);
  const [problem] = transport.problems();
  expect(problem).toMatchObject({ code: 'topic_settings', topic: 't' });
  expect(problem?.detail).toContain('retention.bytes=-1');
  expect(problem?.detail).toContain('max.message.bytes=');
  await wait(3_000);
  expect(problemsIn(events, 'topic_settings')).toHaveLength(1);
  await runCommands(problem!.detail);
  await waitUntil('it is solved', async () => transport.problems().length === 0);
}, 60_000);

it('reports a change while it runs, and works on', async () => {
  const place = options();
  const { transport } = await connected(place);
  const deliveries = await collected(transport, 't');
  await publishOne(transport, 't');
  await configure(topicOf(place), { 'cleanup.policy': 'compact' });
  const codes = (): string[] => transport.problems().map(({ code }) => code);
  await waitUntil('it is reported', async () => codes().includes('topic_unsafe'));
  const message = { id: 'later', key: 'k', headers: {}, body: Buffer.from('x') };
  const [outcome] = await transport.publish({ topic: 't' }, [message], { deadlineMs: 5_000 });
  expect(outcome?.kind).toBe('accepted');
  await waitUntil('both come', async () => deliveries.length === 2);
  await configure(topicOf(place), { 'cleanup.policy': 'delete' });
  await waitUntil('it is solved', async () => !codes().includes('topic_unsafe'));
}, 60_000);

describe('partitions that are added while it runs', () => {
  it('are read, and used by all publishers alike, in time', async () => {
    const place = { ...options(), partitions: 2 };
    const consuming = await connected(place);
    const deliveries = await collected(consuming.transport, 't');
    const running = await connected(place);
    const keys = Array.from({ length: 40 }, (_, nth) => `key-${nth}`);
    await publishKeys(running.transport, 'before', keys);
    await admin.createPartitions({ topicPartitions: [{ topic: topicOf(place), count: 6 }] });
    await waitUntil('both report it', async () =>
      [running, consuming].every(({ events }) => problemsIn(events, 'partitions_added').length > 0),
    );
    await wait(place.metadataMaxAgeMs);
    const fresh = await connected(place);
    await publishKeys(running.transport, 'running', keys);
    await publishKeys(fresh.transport, 'fresh', keys);
    await waitUntil(
      'all come',
      async () => new Set(deliveries.map(({ message }) => message.id)).size === 120,
    );
    const partitions = await partitionsOf(topicOf(place));
    for (const key of keys)
      expect([key, partitions.get(`running ${key}`)]).toEqual([key, partitions.get(`fresh ${key}`)]);
    expect(new Set(partitions.values()).size).toBe(6);
    expect(problemsIn(running.events, 'partitions_added')).toHaveLength(1);
    expect(running.errors()).toEqual([]);
  }, 60_000);
});

describe('topology: verify', () => {
  it('creates nothing, and names all that is missing as commands, which are enough', async () => {
    const place = { ...options(), topology: 'verify' };
    const { transport } = kafkaBench(place);
    const error: unknown = await transport.connect().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TOPOLOGY_MISSING' });
    const shared = (error as Error).message;
    expect(shared.match(/kafka-topics\.sh/g)).toHaveLength(12); // wait topics and the one that pings are sent to
    expect((await admin.listTopics()).filter((topic) => topic.startsWith(place.namePrefix))).toEqual([]);
    await runCommands(shared);
    await transport.connect();
    const consuming: unknown = await collected(transport, 't').catch((reason: unknown) => reason);
    expect(consuming).toMatchObject({ code: 'TOPOLOGY_MISSING' });
    const outcome = await publishOne(transport, 'other');
    expect([outcome.kind, codeOf(outcome)]).toEqual(['unavailable', 'TOPOLOGY_MISSING']);
    await runCommands((consuming as Error).message);
    const deliveries = await collected(transport, 't', ({ attempt }) =>
      attempt === 1 ? { kind: 'retry', delayMs: 100 } : { kind: 'ack' },
    );
    await publishOne(transport, 't');
    await waitUntil('its second attempt comes', async () => deliveries.length === 2);
    await transport.ping();
    expect(transport.problems()).toEqual([]);
  }, 120_000);
});

async function publishKeys(
  transport: KafkaTransport,
  prefix: string,
  keys: readonly string[],
): Promise<void> {
  const messages = keys.map((key) => ({ id: `${prefix} ${key}`, key, headers: {}, body: Buffer.from('x') }));
  const outcomes = await transport.publish({ topic: 't' }, messages, { deadlineMs: 9_000 });
  expect(outcomes.filter(({ kind }) => kind !== 'accepted')).toEqual([]);
}

/** Partition of each message, by its id. */
async function partitionsOf(topic: string): Promise<Map<string, number>> {
  const consumer = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING }).consumer({
    groupId: randomUUID(),
  });
  const found = new Map<string, number>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message }) =>
      void found.set(String(message.headers?.['ce_id']), partition),
  });
  await waitUntil('all are read', async () => found.size === 120);
  await consumer.disconnect();
  return found;
}

/** Does what the commands of an error or a problem do, option by option: the brokers of the tests come without the tools. */
async function runCommands(text: string): Promise<void> {
  const commands = [...text.matchAll(/(kafka-(?:topics|configs)\.sh) (--bootstrap-server.*)$/gm)];
  expect(commands.length).toBeGreaterThan(0);
  for (const [, tool, given] of commands) {
    const parts = given!.trim().split(' ');
    const all = (option: string): string[] =>
      parts.flatMap((part, at) => (part === option ? [parts[at + 1] ?? ''] : []));
    const one = (option: string): string => all(option)[0] ?? '';
    expect(server.brokers).toContain(one('--bootstrap-server'));
    if (tool === 'kafka-configs.sh')
      await configure(one('--entity-name'), settingsFrom(one('--add-config').split(',')));
    else await createTopic(one('--topic'), settingsFrom(all('--config')), Number(one('--partitions')));
  }
}

function settingsFrom(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}
