import { BlockCache } from './block-cache.js';
import type { Catalog } from './catalog.js';
import { type LogTable, TopicLog } from './topic-log.js';

/** The logs of all topics, one of each. A new topic is in the catalog once something is written to it. */
export class TopicLogs {
  readonly #logs = new Map<string, TopicLog>();
  readonly #cache = new BlockCache();

  constructor(
    private readonly catalog: Catalog,
    private readonly log: LogTable,
  ) {}

  [Symbol.iterator](): Iterator<TopicLog> {
    return this.#logs.values();
  }

  of(topic: string): TopicLog {
    let log = this.#logs.get(topic);
    if (!log) {
      const record = this.catalog.topics.get(topic) ?? {
        id: this.catalog.newId(),
        topic,
        nextSeq: 1,
        firstSeq: 1,
      };
      log = new TopicLog(record, { log: this.log, catalog: this.catalog, cache: this.#cache });
      this.#logs.set(topic, log);
    }
    return log;
  }
}
