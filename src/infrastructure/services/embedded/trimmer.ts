import { systemClock } from '../../../core/messaging/clock.js';
import type { GroupView, LogContext } from './log-context.js';
import type { TopicLog } from './topic-log.js';

/** Settling is followed by removal after this long, so that many blocks go in one transaction. */
const DELAY_MS = 50;
const BLOCKS_PER_COMMIT = 512;

/** Removes what every group of a topic has settled. */
export class Trimmer {
  readonly #open: LogContext;
  readonly #noted = new Set<TopicLog>();
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(open: LogContext) {
    this.#open = open;
  }

  /** Something of the topic was settled. */
  note(log: TopicLog): void {
    this.#noted.add(log);
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#cancel?.();
    this.#noted.clear();
    await this.#running;
  }

  #arm(): void {
    if (this.#cancel || this.#running || this.#open.isClosed) return;
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
      const groups = this.#open.subscribedGroups(log);
      const floor = Math.min(...groups.map((group) => group.state.floor));
      if (groups.length === 0 || log.firstSeq >= floor) continue;
      try {
        const blocks = log.blocksBefore(floor, BLOCKS_PER_COMMIT);
        await removeBlocks(this.#open, log, { blocks, groups });
        if (blocks.length === BLOCKS_PER_COMMIT) this.#noted.add(log);
      } catch (error) {
        if (!this.#open.isClosed) this.#open.reportError(error as Error);
      }
    }
  }
}

/** Removes whole blocks from the front of a log and notes how far its groups have come. */
export async function removeBlocks(
  { database, catalog }: LogContext,
  log: TopicLog,
  { blocks, groups }: { blocks: readonly number[]; groups: readonly GroupView[] },
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
