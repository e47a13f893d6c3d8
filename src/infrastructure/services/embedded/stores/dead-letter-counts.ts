import { setImmediate as turn } from 'node:timers/promises';
import type {
  DeadLetterFilter,
  DeadLetterCount,
  DeadLetterUsage,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import type { CountKey } from './dead-letter-row.js';
import { behind, type DeadLetterTables, parseCountKey, countPrefix, sizeIn } from './dead-letter-tables.js';

interface MeasuredLetter {
  readonly key: CountKey & { readonly id: string };
  readonly size: number;
}

const COUNTED = new Set(['status', 'topic', 'group']);

/** Letters whose sizes are measured before other work gets its turn. */
const SLICE = 64;

/** Counts by status, topic and group, and the bytes of all, kept in memory so that a scrape does not read letters. */
export class DeadLetterCounts {
  readonly #tables: DeadLetterTables;
  readonly #counts = new Map<string, { readonly key: CountKey; count: number }>();
  #count = 0;
  #bytes = 0;

  /** Keys of the index that cannot be read: {@link DeadLetterTables.writeIndex} replaces them. */
  readonly corrupt: Buffer[] = [];

  private constructor(tables: DeadLetterTables) {
    this.#tables = tables;
  }

  /** Measures the letters that an earlier version has written: resolves with their sizes, to be put into the index. */
  static async load(
    tables: DeadLetterTables,
  ): Promise<{ readonly counts: DeadLetterCounts; readonly measured: readonly MeasuredLetter[] }> {
    const counts = new DeadLetterCounts(tables);
    const unmeasured: (CountKey & { readonly id: string })[] = [];
    for (const { key, value, isCorrupt } of tables.counts.getRange({})) {
      if (isCorrupt) {
        counts.corrupt.push(Buffer.from(key));
        continue;
      }
      const parsed = parseCountKey(key);
      const size = sizeIn(value);
      if (size === undefined) unmeasured.push(parsed);
      else counts.add(parsed, 1, size);
    }
    const measured: MeasuredLetter[] = [];
    for (const key of unmeasured) {
      const size = tables.measure(key.id);
      measured.push({ key, size });
      counts.add(key, 1, size);
      if (measured.length % SLICE === 0) await turn();
    }
    return { counts, measured };
  }

  get held(): Pick<DeadLetterUsage, 'count' | 'bytes'> {
    return { count: this.#count, bytes: this.#bytes };
  }

  /** @param size of the letter. */
  add(key: CountKey, by: 1 | -1, size: number): void {
    this.#count += by;
    this.#bytes += by * size;
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
