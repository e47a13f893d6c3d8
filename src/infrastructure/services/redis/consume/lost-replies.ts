import type { InFlightEntry } from '../wire/stream-entry.js';
import type { RedisGroup } from './redis-group.js';

const RECOVERED_BATCH_SIZE = 200;

/** Detects lost replies, and fetches the entries that the server may have delivered with them. */
export class LostReplies {
  readonly #filter = new RecoveryFilter();
  #mayMiss = false;

  constructor(
    private readonly group: RedisGroup,
    private readonly inFlight: Iterable<InFlightEntry>,
    /** Called with the number of pending entries that no longer exist. */
    private readonly onRemoved: (count: number) => void,
  ) {}

  /** A lost reply may have delivered entries. */
  get mayMiss(): boolean {
    return this.#mayMiss;
  }

  /** Because the server may have executed a call that fails here, {@link recover} looks for the entries of its reply. */
  async observe<T>(reply: Promise<T>): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      if (!this.#mayMiss) this.group.reader.drop(); // because it may be in a blocking read
      this.#mayMiss = true;
      throw error;
    }
  }

  /** The entries of a reply that were not recovered before. */
  unseen(items: readonly InFlightEntry[]): readonly InFlightEntry[] {
    return this.#filter.unseen(items);
  }

  /** Opens another connection, and fetches the entries that the server delivered on the old one without their arriving. */
  async *recover(): AsyncGenerator<readonly InFlightEntry[]> {
    if (!this.group.reader.isOpen) await this.group.reader.open();
    this.#mayMiss = false;
    this.#filter.begin();
    try {
      const after: [string, string] = ['0', '0'];
      for (;;) {
        const known = [...this.inFlight];
        const { items: found, removed } = await this.group.pending(after, RECOVERED_BATCH_SIZE);
        if (found.length + removed.length === 0) return;
        for (const { origin, entryId } of found) after[origin.source - 1] = entryId;
        for (const { source, entryId } of removed) after[source - 1] = laterOf(after[source - 1], entryId);
        const names = new Set([...known, ...this.inFlight].map(({ name }) => name)); // before and after the call
        await this.#forget(removed.filter(({ source, entryId }) => !names.has(`${source}:${entryId}`)));
        yield this.#filter.found(found.filter((item) => !names.has(item.name)));
      }
    } finally {
      this.#filter.end();
    }
  }

  /** Entries that were delivered in a lost reply and removed by another client before they arrived. */
  async #forget(removed: readonly Parameters<RedisGroup['forget']>[0][]): Promise<void> {
    const forgotten = await Promise.all(removed.map((entry) => this.group.forget(entry)));
    const count = forgotten.filter(Boolean).length;
    if (count > 0) this.onRemoved(count);
  }
}

/** The later of two ids of entries, "milliseconds-number". */
function laterOf(a = '0-0', b: string): string {
  const [aMs = 0, aNth = 0] = a.split('-').map(Number);
  const [bMs = 0, bNth = 0] = b.split('-').map(Number);
  return bMs > aMs || (bMs === aMs && bNth > aNth) ? b : a;
}

/** Far more than can arrive during a recovery. Beyond it the oldest are forgotten. */
const MAX_NAMES = 10_000;

/**
 * Removes duplicates between the entries that a recovery finds and those that the server delivers meanwhile: replies come on two
 * connections, and so the same entry may come on both, in either order.
 */
export class RecoveryFilter {
  readonly #names = new Set<string>();
  #isActive = false;

  begin(): void {
    this.#isActive = true;
  }

  end(): void {
    this.#isActive = false;
  }

  /** The found entries that have not come already. */
  found(items: readonly InFlightEntry[]): readonly InFlightEntry[] {
    return this.#remember(items.filter((item) => !this.#names.has(nameOf(item))));
  }

  /** The entries of a reply that were not found before. */
  unseen(items: readonly InFlightEntry[]): readonly InFlightEntry[] {
    if (this.#names.size === 0 && !this.#isActive) return items;
    const others = items.filter((item) => !this.#names.has(nameOf(item)));
    return this.#isActive ? this.#remember(others) : others;
  }

  #remember(items: readonly InFlightEntry[]): readonly InFlightEntry[] {
    for (const item of items) this.#names.add(nameOf(item));
    for (const name of this.#names) {
      if (this.#names.size <= MAX_NAMES) break;
      this.#names.delete(name);
    }
    return items;
  }
}

/** With the consumer, because entries of a fenced consumer come again under its next name. */
function nameOf({ origin, name }: InFlightEntry): string {
  return `${origin.consumer} ${name}`;
}
