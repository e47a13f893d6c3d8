/**
 * Names of everything that belongs to one topic. The topic stands in braces, so that a cluster keeps all of it in one slot
 * and scripts may touch it together.
 */
export class TopicKeys {
  /** Stream of what every group gets. */
  readonly log: string;
  /** Sorted set of what every group gets later, by time. */
  readonly delayed: string;
  /** Start of the names of what belongs to one group. */
  readonly groupBase: string;
  /** Start of the names of the hashes that hold the last batches of each publisher. */
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

/** Names of what belongs to one group of a topic. */
export class GroupKeys {
  readonly topicLog: string;
  readonly topicDelayed: string;
  /** Stream of what only this group gets: retries, replays, directed messages. */
  readonly log: string;
  /** Sorted set of what only this group gets later. */
  readonly delayed: string;
  /** Sorted set of the consumers by the end of their leases, in milliseconds of the server; negative for the dead. */
  readonly consumers: string;
  /** Hash of the attempts that crashes have used up, by source and entry. */
  readonly crashes: string;
  /** Hash of the keys that are in hand, with their consumers. Only where order by key is asked for. */
  readonly locks: string;
  /** Sorted set of what waits behind its key. */
  readonly waiting: string;

  constructor(topic: TopicKeys, base: string) {
    this.topicLog = topic.log;
    this.topicDelayed = topic.delayed;
    this.log = `${base}log`;
    this.delayed = `${base}delayed`;
    this.consumers = `${base}consumers`;
    this.crashes = `${base}crashes`;
    this.locks = `${base}locks`;
    this.waiting = `${base}waiting`;
  }
}
