import {
  alterCommand,
  checkSettings,
  createCommand,
  settingsOf,
  type WantedTopic,
} from './topic-settings.js';

const OPTIONS = { brokers: ['127.0.0.1:9092'], replicationFactor: 3 };
const WANTED: WantedTopic = {
  topic: 'switchyard.t',
  place: { topic: 't' },
  partitions: 6,
  retentionMs: 604_800_000,
  minRetentionMs: 60_000,
  maxBytes: 1_000_000,
  keepsMessages: true,
};

function deviationsOf(changed: object, wanted = WANTED): { unsafe: string[]; others: string[] } {
  const found = new Map(
    Object.entries({ ...settingsOf(wanted, OPTIONS), ...changed } as Record<string, string>),
  );
  const { unsafe, others } = checkSettings(wanted, found, OPTIONS);
  return { unsafe: unsafe.map(({ name }) => name), others: others.map(({ name }) => name) };
}

it.each([
  ['the settings that it would be created with', {}],
  ['a longer retention', { 'retention.ms': '999999999999' }],
  ['no end of retention', { 'retention.ms': '-1' }],
  ['larger messages', { 'max.message.bytes': '2000000' }],
  ['more replicas in sync', { 'min.insync.replicas': '3' }],
])('accepts %s', (_, changed) => {
  expect(deviationsOf(changed)).toEqual({ unsafe: [], others: [] });
});

it.each([
  ['cleanup.policy', 'compact'],
  ['cleanup.policy', 'compact,delete'],
  ['retention.ms', '59999'],
])('refuses %s=%s, which removes accepted messages', (name, value) => {
  expect(deviationsOf({ [name]: value })).toEqual({ unsafe: [name], others: [] });
});

it.each([
  ['retention.ms', '60000'],
  ['retention.bytes', '1073741824'],
  ['message.timestamp.type', 'CreateTime'],
  ['max.message.bytes', '999999'],
  ['min.insync.replicas', '1'],
  ['unclean.leader.election.enable', 'true'],
])('reports %s=%s', (name, value) => {
  expect(deviationsOf({ [name]: value })).toEqual({ unsafe: [], others: [name] });
});

it('minds only the policy of a topic whose records may go', () => {
  const ping = { ...WANTED, keepsMessages: false };
  const found = { 'retention.ms': '1', 'retention.bytes': '1', 'cleanup.policy': 'compact' };
  expect(deviationsOf(found, ping)).toEqual({ unsafe: ['cleanup.policy'], others: [] });
});

it('does not judge what it could not read', () => {
  expect(checkSettings(WANTED, new Map(), OPTIONS)).toMatchObject({ unsafe: [], others: [] });
});

it('names the commands', () => {
  const { unsafe } = checkSettings(WANTED, new Map([['cleanup.policy', 'compact']]), OPTIONS);
  expect(alterCommand('switchyard.t', unsafe, OPTIONS)).toBe(
    'kafka-configs.sh --bootstrap-server 127.0.0.1:9092 --alter --entity-type topics --entity-name switchyard.t --add-config cleanup.policy=delete',
  );
  expect(createCommand(WANTED, { brokers: ['127.0.0.1:9092'] })).toBe(
    'kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --topic switchyard.t --partitions 6 --config cleanup.policy=delete --config retention.ms=604800000 --config retention.bytes=-1 --config message.timestamp.type=LogAppendTime --config max.message.bytes=1000000',
  );
  expect(createCommand(WANTED, OPTIONS)).toContain(' --replication-factor 3 ');
});
