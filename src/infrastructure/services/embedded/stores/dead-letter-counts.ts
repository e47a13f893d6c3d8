import type {
  DeadLetterFilter,
  DeadLetterCount,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import {
  behind,
  type DeadLetterTables,
  parseCountKey,
  type CountKey,
  countPrefix,
} from './dead-letter-tables.js';

const COUNTED = new Set(['status', 'topic', 'group']);

/** Counts by status, topic and group, kept in memory so that a scrape does not read letters. */
export class DeadLetterCounts {
  readonly #tables: DeadLetterTables;
  readonly #counts = new Map<string, { readonly key: CountKey; count: number }>();

  /** Keys of the index that cannot be read: {@link DeadLetterTables.writeIndex} replaces them. */
  readonly corrupt: readonly Buffer[];

  constructor(tables: DeadLetterTables) {
    this.#tables = tables;
    const corrupt: Buffer[] = [];
    for (const { key, isCorrupt } of tables.counts.getRange({})) {
      if (isCorrupt) corrupt.push(Buffer.from(key));
      else this.add(parseCountKey(key), 1);
    }
    this.corrupt = corrupt;
  }

  add(key: CountKey, by: 1 | -1): void {
    const place = countPrefix(key).toString();
    const known = this.#counts.get(place);
    if (!known) {
      const { status, topic, group } = key;
      this.#counts.set(place, { key: { status, topic, group }, count: by });
      return;
    }
    known.count += by;
    if (known.count === 0) this.#counts.delete(place);
  }

  /** The count, or nothing when the filter asks for what is not counted. */
  count(filter: DeadLetterFilter): number | undefined {
    const asked = Object.entries(filter).filter(([, value]) => value !== undefined);
    if (asked.some(([field]) => !COUNTED.has(field))) return undefined;
    let sum = 0;
    for (const { key, count } of this.#counts.values()) {
      if (asked.every(([field, value]) => key[field as keyof CountKey] === value)) sum += count;
    }
    return sum;
  }

  stats(): DeadLetterCount[] {
    return [...this.#counts.values()].map(({ key, count }) => ({
      ...key,
      count,
      oldestAt: this.#oldestAt(key),
    }));
  }

  /** Ids sort by time, so the first is the oldest. */
  #oldestAt(key: CountKey): number {
    const prefix = countPrefix(key);
    const [first] = this.#tables.counts.getKeys({ start: prefix, end: behind(prefix), limit: 1 });
    return (first && this.#tables.row(parseCountKey(first).id)?.deadLetteredAt) ?? 0;
  }
}
