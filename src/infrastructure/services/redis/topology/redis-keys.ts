/**
 * Keys of one topic. The topic stands in braces, so that a cluster keeps all of them in one slot and a script may use them
 * together.
 */
export class TopicKeys {
  /** Stream of the messages for every group. */
  readonly log: string;
  /** Sorted set of the delayed messages for every group, by due time. */
  readonly delayed: string;
  /** Start of the keys of the groups. */
  readonly groupBase: string;
  /** Start of the keys of the hashes with the last batches of each publisher. */
  readonly batches: string;

  constructor(prefix: string, topic: string) {
    const base = `${prefix}{${topic}}:`;
    this.log = `${base}log`;
    this.delayed = `${base}delayed`;
    this.groupBase = `${base}group:`;
    this.batches = `${base}batches:`;
  }

  group(name: string): GroupKeys {
    return new GroupKeys(this, `${this.groupBase}${name}:`);
  }
}

/** Keys of one group of a topic. */
export class GroupKeys {
  readonly topicLog: string;
  readonly topicDelayed: string;
  /** Stream of the messages for this group only: retries, replays, directed messages. */
  readonly log: string;
  /** Sorted set of the delayed messages for this group only, by due time. */
  readonly delayed: string;
  /** Sorted set of the consumers by the end of their leases, in ms of the server's clock; negative once fenced. */
  readonly consumers: string;
  /** Hash of the attempts that crashes have used up, by stream and entry. */
  readonly crashes: string;
  /** Hash of the keys in flight, with consumer and entry of each. Only with order by key. */
  readonly locks: string;
  /** Sorted set of the entries that wait for their key. */
  readonly waiting: string;
  /** Hash of what the consumers have seen of the group, to notice what other clients remove. */
  readonly observed: string;
  readonly #base: string;

  constructor(topic: TopicKeys, base: string) {
    this.#base = base;
    this.topicLog = topic.log;
    this.topicDelayed = topic.delayed;
    this.log = `${base}log`;
    this.delayed = `${base}delayed`;
    this.consumers = `${base}consumers`;
    this.crashes = `${base}crashes`;
    this.locks = `${base}locks`;
    this.waiting = `${base}waiting`;
    this.observed = `${base}observed`;
  }

  /** Hash with the last batch of settlements of a consumer. */
  settledBy(consumer: string): string {
    return `${this.#base}settled:${consumer}`;
  }
}

/** Names of topics have no "~". */
const INBOX = '~inbox:';

/** Stream for the replies to the requests of a process. */
export function inboxKey(prefix: string, id: string): string {
  return `${prefix}{${INBOX}${id}}`;
}

/** Whether a key could be an inbox of this transport: replies go nowhere else, whatever a request asks for. */
export function isInboxKey(prefix: string, key: string): boolean {
  return key.startsWith(`${prefix}{${INBOX}`);
}
