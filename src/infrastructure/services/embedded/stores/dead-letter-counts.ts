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

  constructor(tables: DeadLetterTables) {
    this.#tables = tables;
    for (const key of tables.counts.getKeys({})) this.add(parseCountKey(key), 1);
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
