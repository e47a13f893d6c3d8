import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { FORMATS, newerFormat } from '../../../../core/messaging/ports/formats.js';
import type { NewerFormats } from '../../../../core/messaging/transport-kit/newer-formats.js';
import { systemClock } from '../../../../core/messaging/ports/clock.js';
import type { ConfirmChannel, Message } from '../client/amqplib-client.js';
import { REPLY, replyCodeOf } from '../client/rabbitmq-errors.js';
import { withReplyTimeout, endChannel } from '../connection/channel-calls.js';
import type { RabbitmqConnection } from '../connection/rabbitmq-connection.js';
import type { ResourceNames } from './resource-names.js';

/** A group that has consumed a topic. */
export interface KnownGroup {
  readonly group: string;
  /** Queues of a group with order by key; 0 without; {@link REMOVED} in the list only. */
  readonly partitions: number;
  /** Number of the format in which it is listed. */
  readonly format?: number;
  /** What is listed, when it is of a newer version: it is kept as it is, and only the name is known. */
  readonly entry?: unknown;
}

/** Marks a group that was removed, so that a process that remembers it does not list it again. */
const REMOVED = -1;

/** Announces a changed group to the other processes. */
export interface GroupChangeSender {
  send(channel: ConfirmChannel, topic: string, changed: KnownGroup): Promise<void>;
}

export type KnownGroups = ReadonlyMap<string, KnownGroup>;

/** What processes remember of the registry, by topic. It outlives the deletion of the queue. */
export type RegistryMemory = Map<string, KnownGroups>;

/** A reader that finds the list in the hands of another looks again after this. */
const RETRY_MS = 50;
const MAX_RETRIES = 6;

/**
 * The groups that have consumed a topic, as one message in the queue `~groups` of the topic: AMQP can list neither bindings nor queues,
 * and a deleted exchange takes the bindings of all groups with it.
 *
 * Read and change it under the lock of the topic. A change publishes the new list before it acknowledges the old one. After a crash in between there are two, which are merged.
 */
export class GroupRegistry {
  constructor(
    private readonly connection: RabbitmqConnection,
    private readonly names: ResourceNames,
    private readonly memory: RegistryMemory,
    private readonly report: {
      /** Announces a change. */
      readonly changes: GroupChangeSender;
      /** Reports an entry of a newer version. */
      readonly formats: Pick<NewerFormats, 'found'>;
    },
  ) {}

  /** The known groups without a question to the broker. */
  remembered(topic: string): KnownGroups {
    return this.memory.get(topic) ?? new Map();
  }

  /** Whether this process has read the list of the topic. */
  hasRead(topic: string): boolean {
    return this.memory.has(topic);
  }

  /** The list of the broker; what is remembered where its queue is gone. */
  async read(topic: string): Promise<KnownGroups> {
    return this.#change(topic);
  }

  /** The queue of the registry has to exist. */
  async add(topic: string, known: KnownGroup): Promise<void> {
    await this.#change(topic, known);
  }

  async remove(topic: string, group: string): Promise<void> {
    await this.#change(topic, { group, partitions: REMOVED });
  }

  /** Takes note of what another process has changed, of a topic that this one uses. */
  learn(topic: string, changed: KnownGroup): void {
    const groups = this.memory.get(topic);
    if (groups) this.#remember(topic, new Map([...groups, [changed.group, changed]]));
  }

  async #change(topic: string, changed?: KnownGroup): Promise<KnownGroups> {
    const queue = this.names.groups({ topic });
    const channel = await this.connection.openConfirmChannel();
    const apply = (groups: Map<string, KnownGroup>): boolean => {
      if (!changed) return false;
      const before = groups.get(changed.group);
      if (before?.entry !== undefined) return false;
      groups.set(changed.group, changed);
      return before?.partitions !== changed.partitions || (before.format ?? 1) < FORMATS.groupEntry;
    };
    try {
      const messages = await this.#take(channel, topic);
      const listed = merged(messages);
      const groups = new Map([...this.remembered(topic), ...listed]);
      const isNew = apply(groups);
      if (isNew || groups.size !== listed.size || messages.length > 1)
        await replace(channel, queue, messages, groups);
      else for (const message of messages) channel.nack(message, false, true);
      if (changed && isNew) await this.report.changes.send(channel, topic, changed);
      await withReplyTimeout(channel.close()); // so that the list is back before the lock is released
      return this.#remember(topic, groups);
    } catch (error) {
      endChannel(channel);
      if (replyCodeOf(error) !== REPLY.notFound) throw error;
      const groups = new Map(this.remembered(topic));
      apply(groups);
      return this.#remember(topic, groups);
    }
  }

  #remember(topic: string, groups: KnownGroups): KnownGroups {
    const known = new Map([...groups].filter(([, { partitions }]) => partitions !== REMOVED));
    this.memory.set(topic, known);
    for (const { group, entry, format } of known.values())
      if (entry !== undefined)
        this.report.formats.found(`the entry of the group "${group}" of "${topic}"`, format);
    return known;
  }

  /** All lists. A process that has just returned one may be a little ahead of the broker, so that an empty queue is read again. */
  async #take(channel: ConfirmChannel, topic: string): Promise<readonly Message[]> {
    const queue = this.names.groups({ topic });
    const messages: Message[] = [];
    const { messageCount } = await withReplyTimeout(channel.checkQueue(queue));
    const isExpected = messageCount > 0 || this.remembered(topic).size > 0;
    for (let retries = 0; ;) {
      const message = await withReplyTimeout(channel.get(queue));
      if (message !== false) messages.push(message);
      else if (messages.length > 0 || !isExpected || retries >= MAX_RETRIES) return messages;
      else {
        retries += 1;
        await pause(RETRY_MS, systemClock);
      }
    }
  }
}

async function replace(
  channel: ConfirmChannel,
  queue: string,
  before: readonly Message[],
  groups: KnownGroups,
): Promise<void> {
  const body = Buffer.from(JSON.stringify({ groups: [...groups.values()].map(entryOf) }));
  channel.sendToQueue(queue, body, { persistent: true, contentType: 'application/json' });
  await withReplyTimeout(channel.waitForConfirms());
  for (const message of before) channel.ack(message);
}

function merged(messages: readonly Message[]): Map<string, KnownGroup> {
  return new Map(messages.flatMap(({ content }) => groupsIn(content)).map((known) => [known.group, known]));
}

/** None of a list that cannot be read: what processes remember replaces it. */
function groupsIn(content: Buffer): readonly KnownGroup[] {
  try {
    const { groups } = JSON.parse(content.toString()) as { readonly groups: readonly Partial<KnownGroup>[] };
    return groups.flatMap((one) => knownGroupIn(one) ?? []);
  } catch {
    return [];
  }
}

/** What is written into a list or an announcement. */
export function entryOf({ group, partitions, entry }: KnownGroup): unknown {
  return entry ?? { group, partitions, format: FORMATS.groupEntry };
}

/** Undefined for anything else. */
export function knownGroupIn(value: unknown): KnownGroup | undefined {
  const { group, partitions, format } = (value ?? {}) as Partial<KnownGroup>;
  if (typeof group !== 'string') return undefined;
  const newer = newerFormat(format, FORMATS.groupEntry);
  if (newer !== undefined) return { group, partitions: 0, format: newer, entry: value };
  if (!Number.isInteger(partitions)) return undefined;
  return { group, partitions: Number(partitions), ...(typeof format === 'number' ? { format } : {}) };
}
