import { systemClock } from '../../../../core/messaging/ports/clock.js';
import type { Catalog } from '../log/catalog.js';
import type { EmbeddedDatabase } from '../database/embedded-database.js';
import type { LogReader, TopicLog } from '../log/topic-log.js';

/** Settling is followed by removal after this long, so that many blocks go in one transaction. */
const DELAY_MS = 50;
const BLOCKS_PER_COMMIT = 512;

export interface RemovalParts {
  readonly database: EmbeddedDatabase;
  readonly catalog: Catalog;
}

/** Removes what every group of a topic has settled. */
export class Trimmer {
  readonly #noted = new Set<TopicLog>();
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(
    private readonly parts: RemovalParts,
    private readonly reportError: (error: Error) => void,
  ) {}

  /** Something of the topic was settled. */
  note(log: TopicLog): void {
    this.#noted.add(log);
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    this.#noted.clear();
    await this.#running;
  }

  #arm(): void {
    if (this.#cancel || this.#running || this.#isStopped) return;
    this.#cancel = systemClock.schedule(DELAY_MS, () => {
      this.#cancel = undefined;
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
        if (this.#noted.size > 0) this.#arm();
      });
    });
  }

  async #run(): Promise<void> {
    for (const log of [...this.#noted]) {
      this.#noted.delete(log);
      const { subscribers: groups } = log;
      const floor = Math.min(...groups.map((group) => group.state.floor));
      if (groups.length === 0 || log.firstSeq >= floor) continue;
      try {
        const blocks = log.blocksBefore(floor, BLOCKS_PER_COMMIT);
        await removeBlocks(this.parts, log, { blocks, groups });
        if (blocks.length === BLOCKS_PER_COMMIT) this.#noted.add(log);
      } catch (error) {
        if (!this.#isStopped) this.reportError(error as Error);
      }
    }
  }
}

/** Removes whole blocks from the front of a log and notes how far its groups have come. */
export async function removeBlocks(
  { database, catalog }: RemovalParts,
  log: TopicLog,
  { blocks, groups }: { blocks: readonly number[]; groups: readonly LogReader[] },
): Promise<void> {
  if (blocks.length === 0) return;
  const records = groups.map((group) => ({ ...group.record, floor: group.state.floor }));
  await database.commit({
    write: () => {
      log.writeRemoval(blocks);
      for (const record of records) catalog.write(record);
    },
    settled: (committed) => {
      if (!committed) return;
      log.removed(blocks);
      groups.forEach((group, index) => {
        group.record = records[index] ?? group.record;
        catalog.remember(group.record);
      });
    },
  });
}
