import type { Destination } from '../../../../core/messaging/ports/transport.js';
import type { KafkaOptions } from '../kafka.options.js';

/** A topic that messages need on their way. */
export interface WantedTopic {
  /** Kafka's name. */
  readonly topic: string;
  /** As events name it. */
  readonly place: Destination;
  readonly partitions: number;
  readonly retentionMs: number;
  /** A shorter retention removes messages before they can be read. */
  readonly minRetentionMs: number;
  /** Largest batch. */
  readonly maxBytes: number;
  /** False where a removed record is no loss. */
  readonly keepsMessages: boolean;
}

type TopicOptions = Pick<KafkaOptions, 'brokers' | 'replicationFactor'>;

/** A setting of a topic that is not as it has to be. */
export interface Deviation {
  readonly name: string;
  readonly value: string;
  readonly needed: string;
}

export interface SettingsCheck {
  readonly wanted: WantedTopic;
  /** Remove messages that were accepted. */
  readonly unsafe: readonly Deviation[];
  readonly others: readonly Deviation[];
}

/** What is set on topics that are created, because a promise rests on each and the defaults of the cluster may be others. */
export function settingsOf(wanted: WantedTopic, options: TopicOptions): Readonly<Record<string, string>> {
  const { replicationFactor } = options;
  return {
    'cleanup.policy': 'delete',
    'retention.ms': String(wanted.retentionMs),
    'retention.bytes': '-1',
    // Retention then does not depend on the clocks of those that publish.
    'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': String(wanted.maxBytes),
    ...(replicationFactor === undefined ? {} : replicatedSettings(replicationFactor)),
  };
}

function replicatedSettings(replicationFactor: number): Readonly<Record<string, string>> {
  return {
    'min.insync.replicas': String(Math.max(1, replicationFactor - 1)),
    'unclean.leader.election.enable': 'false',
  };
}

/** @param found settings of the topic by name; those that are missing are not checked. */
export function checkSettings(
  wanted: WantedTopic,
  found: ReadonlyMap<string, string>,
  options: TopicOptions,
): SettingsCheck {
  const unsafe: Deviation[] = [];
  const others: Deviation[] = [];
  for (const [name, needed] of Object.entries(settingsOf(wanted, options))) {
    const value = found.get(name);
    if (value === undefined || isEnough(name, value, needed)) continue;
    if (isUnsafe(name, value, wanted)) unsafe.push({ name, value, needed });
    else if (wanted.keepsMessages) others.push({ name, value, needed });
  }
  return { wanted, unsafe, others };
}

function isEnough(name: string, value: string, needed: string): boolean {
  if (value === needed) return true;
  if (name === 'retention.ms') return Number(value) === -1 || Number(value) >= Number(needed);
  const isAtLeast = name === 'max.message.bytes' || name === 'min.insync.replicas';
  return isAtLeast && Number(value) >= Number(needed);
}

function isUnsafe(name: string, value: string, { minRetentionMs, keepsMessages }: WantedTopic): boolean {
  // A compacted topic also refuses messages without a key.
  if (name === 'cleanup.policy') return value.includes('compact');
  return name === 'retention.ms' && keepsMessages && Number(value) < minRetentionMs;
}

/** The command that corrects the settings. */
export function alterCommand(
  topic: string,
  deviations: readonly Deviation[],
  { brokers }: TopicOptions,
): string {
  const settings = deviations.map(({ name, needed }) => `${name}=${needed}`).join(',');
  return `kafka-configs.sh --bootstrap-server ${brokers[0]} --alter --entity-type topics --entity-name ${topic} --add-config ${settings}`;
}

/** The command that creates the topic as this package would. */
export function createCommand(wanted: WantedTopic, options: TopicOptions): string {
  const { brokers, replicationFactor } = options;
  const replicas = replicationFactor === undefined ? '' : ` --replication-factor ${replicationFactor}`;
  const settings = Object.entries(settingsOf(wanted, options)).map(
    ([name, value]) => ` --config ${name}=${value}`,
  );
  return `kafka-topics.sh --bootstrap-server ${brokers[0]} --create --topic ${wanted.topic} --partitions ${wanted.partitions}${replicas}${settings.join('')}`;
}

/** `cleanup.policy is "compact", must be "delete"` for each. */
export function describeDeviations(deviations: readonly Deviation[]): string {
  return deviations
    .map(({ name, value, needed }) => `${name} is "${value}", needed is "${needed}"`)
    .join(', ');
}
