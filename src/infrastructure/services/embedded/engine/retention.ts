import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, TransportEvent } from '../../../../core/messaging/ports/transport.js';
import { Block } from '../records/block.js';
import { logKey, topicOf } from '../records/keys.js';
import type { EmbeddedOptions } from '../embedded.options.js';
import type { TopicLog } from '../log/topic-log.js';
import type { TopicLogs } from '../log/topic-logs.js';
import { type RemovalParts, removeBlocks } from './trimmer.js';

const SWEEP_EVERY_MS = 60_000;
const BLOCKS_PER_COMMIT = 128;

interface RetentionParts extends RemovalParts {
  readonly topics: TopicLogs;
  readonly clock: Clock;
  readonly options: EmbeddedOptions;
  readonly emit: (event: TransportEvent) => void;
}

/** Removes messages that are older than a configured limit, also unread ones; those are always reported by an event. */
export class Retention {
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(private readonly parts: RetentionParts) {}

  start(): void {
    void this.#sweep().finally(() => {
      if (this.#stopped) return;
      const { orphanRetentionMs, maxUnreadAgeMs = SWEEP_EVERY_MS } = this.parts.options;
      const everyMs = Math.max(Math.min(SWEEP_EVERY_MS, orphanRetentionMs, maxUnreadAgeMs), 100);
      this.#cancel = this.parts.clock.schedule(everyMs, () => this.start());
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
      if (!this.#stopped) this.parts.emit({ type: 'error', error: error as Error });
    }
  }

  async #sweepTopic(log: TopicLog): Promise<void> {
    const { options, clock } = this.parts;
    const isOrphan = log.subscribers.length === 0;
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
    const { subscribers: groups } = log;
    const readUntil = Math.min(...groups.map((group) => group.state.floor - 1), last);
    const unreadFrom = Math.max(groups.length === 0 ? 0 : readUntil + 1, log.firstSeq);
    await removeBlocks(this.parts, log, { blocks, groups });
    for (const group of log.readers) group.skipTo(last);
    const count = last - unreadFrom + 1;
    if (count > 0) this.parts.emit({ type: 'unread-removed', topic: log.topic, count, reason });
  }

  /** Blocks at the front of the log that were appended before `beforeMs`. */
  #blocksUntil(log: TopicLog, beforeMs: number): number[] {
    const table = this.parts.database.rawTable('log');
    const blocks: number[] = [];
    const unreadable: number[] = [];
    for (const seq of log.blocksBefore(log.nextSeq, BLOCKS_PER_COMMIT)) {
      const bytes = table.getBinary(logKey(log.id, seq));
      const appendedAt = bytes && Block.read(bytes, { mayBePlain: true }).appendedAt;
      if (appendedAt === undefined || appendedAt >= beforeMs) break;
      // One whose time cannot be read is as old as the next whose time can.
      unreadable.push(seq);
      if (!Number.isNaN(appendedAt)) blocks.push(...unreadable.splice(0));
    }
    return blocks;
  }

  *#topicsWithBlocks(): Generator<TopicLog> {
    const names = new Map([...this.parts.catalog.topics.values()].map(({ id, topic }) => [id, topic]));
    const table = this.parts.database.rawTable('log');
    for (let id = 0; ;) {
      const [key] = table.getKeys({ start: logKey(id, 0), limit: 1 });
      if (!key) return;
      const name = names.get(topicOf(key));
      if (name !== undefined) yield this.parts.topics.of(name);
      id = topicOf(key) + 1;
    }
  }
}
