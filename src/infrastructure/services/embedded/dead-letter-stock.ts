import type {
  DeadLetterFilter,
  DeadLetterStock,
} from '../../../core/messaging/dead-letters/dead-letter-store.js';
import {
  behind,
  type DeadLetterTables,
  parseStockKey,
  type StockKey,
  stockPrefix,
} from './dead-letter-tables.js';

const COUNTED = new Set(['status', 'topic', 'group']);

/** Counts by status, topic and group, kept in memory so that a scrape does not read letters. */
export class DeadLetterCounts {
  readonly #tables: DeadLetterTables;
  readonly #counts = new Map<string, { readonly key: StockKey; count: number }>();

  constructor(tables: DeadLetterTables) {
    this.#tables = tables;
    for (const key of tables.stock.getKeys({})) this.add(parseStockKey(key), 1);
  }

  add(key: StockKey, by: 1 | -1): void {
    const place = stockPrefix(key).toString();
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
      if (asked.every(([field, value]) => key[field as keyof StockKey] === value)) sum += count;
    }
    return sum;
  }

  stock(): DeadLetterStock[] {
    return [...this.#counts.values()].map(({ key, count }) => ({
      ...key,
      count,
      oldestAt: this.#oldestAt(key),
    }));
  }

  /** Ids sort by time, so the first is the oldest. */
  #oldestAt(key: StockKey): number {
    const prefix = stockPrefix(key);
    const [first] = this.#tables.stock.getKeys({ start: prefix, end: behind(prefix), limit: 1 });
    return (first && this.#tables.row(parseStockKey(first).id)?.deadLetteredAt) ?? 0;
  }
}
