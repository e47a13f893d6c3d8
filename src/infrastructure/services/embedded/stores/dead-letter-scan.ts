import { setImmediate as turn } from 'node:timers/promises';
import { groupDeadLetters, matchesFilter } from '../../../../core/messaging/ports/dead-letter-filter.js';
import type {
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterSummary,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import { behind, type DeadLetterTables, parseCountKey, countPrefix } from './dead-letter-tables.js';
import type { RecordTable } from '../database/record-table.js';

/** Letters looked at before other work gets its turn: about a millisecond. */
const SLICE = 256;
const SAMPLE_SIZE = 5;
const NO_HISTORY: DeadLetterSummary['history'] = [];

export interface ScanOrder {
  readonly after?: string | undefined;
  readonly order: 'newest-first' | 'oldest-first';
}

/**
 * The matching letters in order of id, without history and stack, in slices between which the event loop turns.
 *
 * A filter with status, topic and group reads those letters only; every other looks at each letter.
 */
export async function* scan(
  tables: DeadLetterTables,
  filter: DeadLetterFilter,
  order: ScanOrder,
): AsyncGenerator<DeadLetterSummary[]> {
  const { status, topic, group } = filter;
  const indexed = status !== undefined && topic !== undefined && group !== undefined;
  const source = indexed
    ? indexedRows(tables, countPrefix({ status, topic, group }), order)
    : allRows(tables, order);
  for (const rows of source) {
    yield rows.filter((row) => matchesFilter(row, filter));
    await turn();
  }
}

/** Groups of everything that matches. */
export async function groupsOf(
  tables: DeadLetterTables,
  filter: DeadLetterFilter,
  limit: number,
): Promise<DeadLetterGroup[]> {
  const merged = new Map<string, DeadLetterGroup>();
  for await (const slice of scan(tables, filter, { order: 'newest-first' })) {
    for (const group of groupDeadLetters(slice, SLICE)) {
      const known = merged.get(group.fingerprint);
      merged.set(group.fingerprint, known ? merge(known, group) : group);
    }
  }
  return [...merged.values()].sort((a, b) => b.count - a.count || b.lastAt - a.lastAt).slice(0, limit);
}

function merge(known: DeadLetterGroup, other: DeadLetterGroup): DeadLetterGroup {
  return {
    ...(other.lastAt > known.lastAt ? other : known),
    count: known.count + other.count,
    firstAt: Math.min(known.firstAt, other.firstAt),
    lastAt: Math.max(known.lastAt, other.lastAt),
    sampleIds: [...known.sampleIds, ...other.sampleIds].slice(0, SAMPLE_SIZE),
  };
}

function* allRows(tables: DeadLetterTables, order: ScanOrder): Generator<DeadLetterSummary[]> {
  for (const keys of slices(tables.deadLetters, Buffer.alloc(0), order)) yield read(tables, keys);
}

function* indexedRows(
  tables: DeadLetterTables,
  prefix: Buffer,
  order: ScanOrder,
): Generator<DeadLetterSummary[]> {
  for (const keys of slices(tables.counts, prefix, order)) {
    yield read(
      tables,
      keys.map((key) => Buffer.from(parseCountKey(key).id)),
    );
  }
}

function read(tables: DeadLetterTables, keys: readonly Buffer[]): DeadLetterSummary[] {
  return tables.rows(keys).map((row) => ({ ...row, history: NO_HISTORY }));
}

/** Keys that begin with `prefix`, `SLICE` at a time. Every slice seeks again: no cursor lives through a turn. */
function* slices(table: RecordTable, prefix: Buffer, { after, order }: ScanOrder): Generator<Buffer[]> {
  const reverse = order === 'newest-first';
  const [low, high] = [prefix.length > 0 ? prefix : Buffer.from([0]), behind(prefix)];
  let from: Buffer | undefined =
    after === undefined ? undefined : Buffer.concat([prefix, Buffer.from(after)]);
  for (;;) {
    const start = from ?? (reverse ? high : low);
    const end = reverse ? low : high;
    const page = [...table.getKeys({ start, end, reverse, limit: SLICE + 1 })];
    const keys = page.filter((key) => !from?.equals(key)).slice(0, SLICE);
    if (keys.length === 0) return;
    yield keys;
    from = keys.at(-1);
  }
}
