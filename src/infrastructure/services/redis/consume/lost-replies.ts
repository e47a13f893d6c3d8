import { RecoveryFilter } from './recovery-filter.js';
import type { InFlightEntry } from '../wire/stream-entry.js';
import type { RedisGroup } from './redis-group.js';

const RECOVERED_BATCH_SIZE = 200;

/** Notices replies that got lost, and finds the entries that the server may have handed out with them. */
export class LostReplies {
  readonly #foundAgain = new RecoveryFilter();
  #mayMiss = false;

  constructor(
    private readonly group: RedisGroup,
    private readonly inHand: Iterable<InFlightEntry>,
  ) {}

  /** A reply got lost that may have handed something out. */
  get mayMiss(): boolean {
    return this.#mayMiss;
  }

  /** The server may have carried out what fails here, and handed out what never arrives: {@link recover} looks for it. */
  async heard<T>(reply: Promise<T>): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      if (!this.#mayMiss) this.group.reader.drop(); // it may be waiting for what is new
      this.#mayMiss = true;
      throw error;
    }
  }

  /** Those of a reply that were not recovered before. */
  handedOut(items: readonly InFlightEntry[]): readonly InFlightEntry[] {
    return this.#foundAgain.handedOut(items);
  }

  /** Opens another connection, and asks for what was handed out on the old one without arriving. */
  async *recover(): AsyncGenerator<readonly InFlightEntry[]> {
    if (!this.group.reader.isOpen) await this.group.reader.open();
    this.#mayMiss = false;
    this.#foundAgain.begin();
    try {
      const after: [string, string] = ['0', '0'];
      for (;;) {
        const known = [...this.inHand];
        const found = await this.group.pending(after, RECOVERED_BATCH_SIZE);
        if (found.length === 0) return;
        for (const { origin, entryId } of found) after[origin.source - 1] = entryId;
        const names = new Set([...known, ...this.inHand].map(({ name }) => name)); // also what came or was settled meanwhile
        yield this.#foundAgain.found(found.filter((item) => !names.has(item.name)));
      }
    } finally {
      this.#foundAgain.end();
    }
  }
}
