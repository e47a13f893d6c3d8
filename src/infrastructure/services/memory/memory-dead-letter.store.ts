import {
  type DefiniteCeiling,
  groupDeadLetters,
  hasRoom,
  lowerOf,
  matchesFilter,
  countsOf,
  storedBytesOf,
  storeFullError,
} from '../../../core/messaging/ports/dead-letter-filter.js';
import type {
  DeadLetter,
  DeadLetterCeiling,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterPage,
  DeadLetterStatus,
  DeadLetterCount,
  DeadLetterStore,
  DeadLetterSummary,
  DeadLetterUsage,
  NewDeadLetter,
} from '../../../core/messaging/ports/dead-letter-store.js';
import { systemClock } from '../../../core/messaging/ports/clock.js';
import type { Clock } from '../../../core/messaging/ports/transport.js';
import { SortedIds } from './stores/sorted-ids.js';

export interface MemoryDeadLetterStoreOptions {
  readonly clock?: Clock;
  /** Letters held at a time, beyond which `add` rejects and the message stays with its transport. @default 100_000 */
  readonly maxLetters?: number;
  /** Bytes of their bodies, headers and descriptions held at a time; as for `maxLetters`. @default 256 MiB */
  readonly maxBytes?: number;
  /** `false` where no other process needs to see them: health does not point it out then. @default true */
  readonly shared?: boolean;
}

const DEFAULT_MAX_DEAD_LETTERS = 100_000;
const DEFAULT_MAX_BYTES = 256 * 2 ** 20;

/** Keeps dead letters as long as the process lives. For tests, and for what may be lost. */
export class MemoryDeadLetterStore implements DeadLetterStore {
  readonly #deadLetters = new Map<string, DeadLetter>();
  readonly #ids = new SortedIds();
  /** Id of the letter that is not resolved, by topic, group and message id. */
  readonly #open = new Map<string, string>();
  /** Size of each, by id. */
  readonly #sizes = new Map<string, number>();
  readonly #clock: Clock;
  readonly #ceiling: DefiniteCeiling;
  readonly isLocal: boolean;
  #bytes = 0;
  /** Absent when something has changed since: metrics ask much more often than letters change. */
  #counts: readonly DeadLetterCount[] | undefined;

  constructor({
    clock = systemClock,
    maxLetters: maxDeadLetters = DEFAULT_MAX_DEAD_LETTERS,
    maxBytes = DEFAULT_MAX_BYTES,
    shared = true,
  }: MemoryDeadLetterStoreOptions = {}) {
    this.#clock = clock;
    this.#ceiling = { maxCount: maxDeadLetters, maxBytes };
    this.isLocal = shared;
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async add(deadLetter: NewDeadLetter, ceiling?: DeadLetterCeiling): Promise<string> {
    const place = placeOf(deadLetter);
    const earlier = this.#deadLetters.get(this.#open.get(place) ?? '');
    const id = earlier?.id ?? deadLetter.id;
    const bytes = storedBytesOf(deadLetter);
    const earlierBytes = this.#sizes.get(id);
    const held = this.#held();
    if (!hasRoom(held, lowerOf(this.#ceiling, ceiling), bytes, earlierBytes)) throw storeFullError(held);
    this.#put({
      ...deadLetter,
      id,
      // A copy, because transports reuse their buffers, and a small part of a large one would keep all of it.
      body: new Uint8Array(deadLetter.body),
      status: 'failed',
      bodyBytes: deadLetter.body.length,
      updatedAt: this.#clock.now(),
      replayCount: earlier?.replayCount ?? 0,
      revision: (earlier?.revision ?? 0) + 1,
    });
    this.#bytes += bytes - (earlierBytes ?? 0);
    this.#sizes.set(id, bytes);
    this.#open.set(place, id);
    return id;
  }

  /** Everything that it holds, oldest first, without a promise: for tests. */
  all(): readonly DeadLetter[] {
    return [...this.#ids.above('')].flatMap((id) => this.#deadLetters.get(id) ?? []);
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    const deadLetter = this.#deadLetters.get(id);
    return deadLetter && { ...deadLetter, body: new Uint8Array(deadLetter.body) };
  }

  async list(
    filter: DeadLetterFilter,
    { limit, after, order = 'newest-first' }: Parameters<DeadLetterStore['list']>[1],
  ): Promise<DeadLetterPage> {
    const items: DeadLetterSummary[] = [];
    for (const id of order === 'newest-first' ? this.#ids.below(after) : this.#ids.above(after)) {
      const deadLetter = this.#deadLetters.get(id);
      if (!deadLetter || !matchesFilter(deadLetter, filter)) continue;
      const last = items.at(-1);
      if (last && items.length === limit) return { items, next: last.id };
      items.push(summaryOf(deadLetter));
    }
    return { items };
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    return this.#matching(filter).length;
  }

  async groups(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetterGroup[]> {
    return groupDeadLetters(this.#matching(filter), limit);
  }

  async transition(
    id: string,
    from: readonly DeadLetterStatus[],
    to: DeadLetterStatus,
  ): Promise<DeadLetterSummary | undefined> {
    const deadLetter = this.#deadLetters.get(id);
    if (!deadLetter || !from.includes(deadLetter.status)) return undefined;
    const changed: DeadLetter = {
      ...deadLetter,
      status: to,
      updatedAt: this.#clock.now(),
      replayCount: deadLetter.replayCount + (to === 'replaying' ? 1 : 0),
      revision: deadLetter.revision + 1,
    };
    this.#put(changed);
    if (to === 'resolved') this.#close(deadLetter);
    else this.#open.set(placeOf(deadLetter), id);
    return summaryOf(changed);
  }

  async discard(id: string, revision?: number): Promise<boolean> {
    const deadLetter = this.#deadLetters.get(id);
    if (!deadLetter || (revision ?? deadLetter.revision) !== deadLetter.revision) return false;
    this.#close(deadLetter);
    this.#deadLetters.delete(id);
    this.#ids.delete(id);
    this.#bytes -= this.#sizes.get(id) ?? 0;
    this.#sizes.delete(id);
    this.#counts = undefined;
    return true;
  }

  async stats(): Promise<readonly DeadLetterCount[]> {
    this.#counts ??= countsOf(this.#deadLetters.values());
    return this.#counts;
  }

  async usage(): Promise<DeadLetterUsage> {
    return { ...this.#held(), ...this.#ceiling };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #held(): Pick<DeadLetterUsage, 'count' | 'bytes'> {
    return { count: this.#deadLetters.size, bytes: this.#bytes };
  }

  #close(deadLetter: DeadLetter): void {
    const place = placeOf(deadLetter);
    if (this.#open.get(place) === deadLetter.id) this.#open.delete(place);
  }

  #put(deadLetter: DeadLetter): void {
    if (!this.#deadLetters.has(deadLetter.id)) this.#ids.add(deadLetter.id);
    this.#deadLetters.set(deadLetter.id, deadLetter);
    this.#counts = undefined;
  }

  /** Newest first. */
  #matching(filter: DeadLetterFilter): DeadLetter[] {
    const found: DeadLetter[] = [];
    for (const id of this.#ids.below()) {
      const deadLetter = this.#deadLetters.get(id);
      if (deadLetter && matchesFilter(deadLetter, filter)) found.push(deadLetter);
    }
    return found;
  }
}

function placeOf({ topic, group, messageId }: NewDeadLetter): string {
  return JSON.stringify([topic, group, messageId]);
}

function summaryOf(deadLetter: DeadLetter): DeadLetterSummary {
  const { headers: _headers, body: _body, ...summary } = deadLetter;
  return summary;
}
