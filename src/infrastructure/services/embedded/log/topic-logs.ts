import { BlockCache } from './block-cache.js';
import type { Catalog } from './catalog.js';
import type { Table } from '../database/lmdb-client.js';
import { TopicLog } from './topic-log.js';

/** The logs of all topics, one of each. A new topic is in the catalog once something is written to it. */
export class TopicLogs {
  readonly #logs = new Map<string, TopicLog>();
  readonly #cache = new BlockCache();

  constructor(
    private readonly catalog: Catalog,
    private readonly table: Table,
  ) {}

  [Symbol.iterator](): Iterator<TopicLog> {
    return this.#logs.values();
  }

  of(topic: string): TopicLog {
    let log = this.#logs.get(topic);
    if (!log) {
      const { catalog, table } = this;
      const record = catalog.topics.get(topic) ?? { id: catalog.newId(), topic, nextSeq: 1 };
      log = new TopicLog(record, { table, catalog, cache: this.#cache });
      this.#logs.set(topic, log);
    }
    return log;
  }
}
