import {
  assertControlKey,
  assertControlPage,
  assertControlPut,
  CONTROL_LIMITS,
  type ControlChange,
  type ControlChanges,
  type ControlEntry,
  controlFullError,
  type ControlPage,
  type ControlPutOptions,
  type ControlWrite,
} from '../ports/control-store.js';
import type { Clock } from '../ports/transport.js';

/** One entry as it is stored. `until` is a time of the table's clock. */
export interface ControlRow {
  readonly value: string;
  readonly revision: number;
  readonly until?: number;
}

/** What a write would do; {@link ControlTable.apply} does it. */
export interface ControlStep {
  readonly key: string;
  /** Undefined removes the key. */
  readonly row: ControlRow | undefined;
  readonly revision: number;
}

/** The entries of a control store that one process has to itself, in memory. */
export class ControlTable {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #rows = new Map<string, ControlRow>();
  /** In order. */
  readonly #keys: string[] = [];
  /** Of removed keys, oldest first. */
  readonly #removed = new Map<string, number>();
  #revision = 0;
  /** Changes up to this revision are not all known any more. */
  #floor = 0;
  /** Nothing expires before, as far as it is known. */
  #soonest = Infinity;

  /** @param clock never jumps: its times are compared with those of `until`. */
  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Puts in what was stored before. */
  load(rows: Iterable<readonly [string, ControlRow]>, revision: number): void {
    this.#revision = revision;
    for (const [key, row] of rows) {
      this.#set(key, row);
      this.#revision = Math.max(this.#revision, row.revision);
    }
    this.#floor = this.#revision;
  }

  /** Removes what has expired, and returns those keys. */
  expire(): string[] {
    const now = this.#clock.now();
    if (now < this.#soonest) return [];
    const expired: string[] = [];
    this.#soonest = Infinity;
    for (const [key, { until = Infinity }] of this.#rows) {
      if (until <= now) expired.push(key);
      else if (until < this.#soonest) this.#soonest = until;
    }
    for (const key of expired) this.apply({ key, row: undefined, revision: this.#next() });
    return expired;
  }

  get(key: string): ControlEntry | undefined {
    assertControlKey(key);
    const row = this.#rows.get(key);
    return row && this.#entryOf(key, row);
  }

  /** The step of a put, or the conflict that prevents it. */
  planPut(
    key: string,
    value: string,
    options: ControlPutOptions,
  ): ControlStep | (ControlWrite & { kind: 'conflict' }) {
    assertControlPut(key, value, options);
    const { ifRevision, ttlMs } = options;
    const found = this.#rows.get(key);
    if (ifRevision !== undefined && (found?.revision ?? 0) !== ifRevision)
      return { kind: 'conflict', entry: found && this.#entryOf(key, found) };
    if (!found && this.#rows.size >= CONTROL_LIMITS.entries) throw controlFullError();
    const revision = this.#next();
    const until = ttlMs === undefined ? {} : { until: this.#clock.now() + ttlMs };
    return { key, revision, row: { value, revision, ...until } };
  }

  /** The step of a removal, or nothing where there is nothing to remove. */
  planRemoval(key: string, ifRevision: number | undefined): ControlStep | undefined {
    assertControlKey(key);
    const found = this.#rows.get(key);
    if (!found || (ifRevision !== undefined && found.revision !== ifRevision)) return undefined;
    return { key, row: undefined, revision: this.#next() };
  }

  apply({ key, row, revision }: ControlStep): void {
    this.#revision = revision;
    if (row) {
      this.#set(key, row);
      this.#removed.delete(key);
      return;
    }
    this.#rows.delete(key);
    this.#keys.splice(this.#placeOf(key), 1);
    this.#removed.set(key, revision);
    if (this.#removed.size <= CONTROL_LIMITS.removed) return;
    for (const [oldest, at] of this.#removed) {
      this.#removed.delete(oldest);
      this.#floor = at;
      break;
    }
  }

  written({ key, row }: ControlStep): ControlWrite {
    return { kind: 'written', entry: this.#entryOf(key, row as ControlRow) };
  }

  list(prefix: string, { after, limit }: { readonly after?: string; readonly limit: number }): ControlPage {
    assertControlPage(prefix, limit);
    const entries: ControlEntry[] = [];
    let at = this.#placeOf(prefix);
    if (after !== undefined && after >= prefix) at = this.#placeOf(after) + (this.#rows.has(after) ? 1 : 0);
    for (; at < this.#keys.length; at += 1) {
      const key = this.#keys[at] as string;
      if (!key.startsWith(prefix)) break;
      if (entries.length === limit) return { entries, after: entries.at(-1)?.key ?? '' };
      entries.push(this.#entryOf(key, this.#rows.get(key) as ControlRow));
    }
    return { entries };
  }

  changes(prefix: string, since: number): ControlChanges {
    const revision = this.#revision;
    if (since === revision) return { kind: 'changes', revision, changes: [] };
    if (since > revision || since < this.#floor) return { kind: 'reset', revision };
    const found = this.#changedSince(since);
    const page = found.slice(0, CONTROL_LIMITS.page);
    const changes = page
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, entry }) => ({ key, ...(entry && { entry }) }));
    return {
      kind: 'changes',
      changes,
      revision: page.length < found.length ? (page.at(-1)?.at ?? since) : revision,
    };
  }

  /** Oldest first, with the revision of each. */
  #changedSince(since: number): (ControlChange & { readonly at: number })[] {
    const found: (ControlChange & { readonly at: number })[] = [];
    for (const [key, row] of this.#rows)
      if (row.revision > since) found.push({ key, entry: this.#entryOf(key, row), at: row.revision });
    for (const [key, at] of this.#removed) if (at > since) found.push({ key, at });
    return found.sort((a, b) => a.at - b.at);
  }

  /** A time of day, so that it also grows over a loss of what was stored; and always larger than the one before. */
  #next(): number {
    return Math.max(this.#revision + 1, Math.floor(this.#clock.now()));
  }

  #set(key: string, row: ControlRow): void {
    if (!this.#rows.has(key)) this.#keys.splice(this.#placeOf(key), 0, key);
    this.#rows.set(key, row);
    this.#soonest = Math.min(this.#soonest, row.until ?? Infinity);
  }

  #entryOf(key: string, { value, revision, until }: ControlRow): ControlEntry {
    const left = until === undefined ? {} : { expiresInMs: Math.max(0, until - this.#clock.now()) };
    return { key, value, revision, ...left };
  }

  /** Index of the first key that is not before this one. */
  #placeOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
