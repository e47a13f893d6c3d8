import { setImmediate as turn } from 'node:timers/promises';
import { Block } from './block.js';
import { logKey, topicOf } from './keys.js';
import type { LogContext } from './log-context.js';
import type { TopicLog } from './topic-log.js';
import { removeBlocks } from './trimmer.js';

const SWEEP_EVERY_MS = 60_000;
const BLOCKS_PER_COMMIT = 128;

/** Removes by age what a configured limit says may go although somebody may not have read it; always with an event. */
export class Retention {
  readonly #open: LogContext;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(open: LogContext) {
    this.#open = open;
  }

  start(): void {
    void this.#sweep().finally(() => {
      if (this.#stopped) return;
      const { orphanRetentionMs, maxUnreadAgeMs = SWEEP_EVERY_MS } = this.#open.options;
      const everyMs = Math.max(Math.min(SWEEP_EVERY_MS, orphanRetentionMs, maxUnreadAgeMs), 100);
      this.#cancel = this.#open.clock.schedule(everyMs, () => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #sweep(): Promise<void> {
    try {
      for (const log of this.#topicsWithBlocks()) {
        await this.#sweepTopic(log);
        await turn(); // with thousands of topics, others must get in between
      }
    } catch (error) {
      if (!this.#stopped) this.#open.reportError(error as Error);
    }
  }

  async #sweepTopic(log: TopicLog): Promise<void> {
    const { options, clock } = this.#open;
    const isOrphan = this.#open.subscribedGroups(log).length === 0;
    const maxAgeMs = isOrphan ? options.orphanRetentionMs : options.maxUnreadAgeMs;
    if (maxAgeMs === undefined) return;
    for (;;) {
      if (this.#stopped) return;
      const blocks = this.#blocksUntil(log, clock.now() - maxAgeMs);
      const last = blocks.at(-1);
      if (last === undefined) return;
      await this.#remove(log, { blocks, last, reason: isOrphan ? 'orphanRetentionMs' : 'maxUnreadAgeMs' });
    }
  }

  async #remove(
    log: TopicLog,
    { blocks, last, reason }: { blocks: number[]; last: number; reason: string },
  ): Promise<void> {
    const groups = this.#open.subscribedGroups(log);
    const readUntil = Math.min(...groups.map((group) => group.state.floor - 1), last);
    const unreadFrom = Math.max(groups.length === 0 ? 0 : readUntil + 1, log.firstSeq);
    await removeBlocks(this.#open, log, { blocks, groups });
    for (const group of this.#open.groupsOf(log)) group.skipTo(last);
    const count = last - unreadFrom + 1;
    if (count > 0) this.#open.emit({ type: 'unread-removed', topic: log.topic, count, reason });
  }

  /** Blocks at the front of the log that were appended before `beforeMs`. */
  #blocksUntil(log: TopicLog, beforeMs: number): number[] {
    const table = this.#open.database.table('log');
    const blocks: number[] = [];
    for (const seq of log.blocksBefore(log.nextSeq, BLOCKS_PER_COMMIT)) {
      const bytes = table.getBinary(logKey(log.id, seq));
      if (!bytes || new Block(bytes).appendedAt >= beforeMs) break;
      blocks.push(seq);
    }
    return blocks;
  }

  *#topicsWithBlocks(): Generator<TopicLog> {
    const names = new Map([...this.#open.catalog.topics.values()].map(({ id, topic }) => [id, topic]));
    const table = this.#open.database.table('log');
    for (let id = 0; ;) {
      const [key] = table.getKeys({ start: logKey(id, 0), limit: 1 });
      if (!key) return;
      const name = names.get(topicOf(key));
      if (name !== undefined) yield this.#open.topic(name);
      id = topicOf(key) + 1;
    }
  }
}
