import {
  groupLetters,
  matchesFilter,
  stockOf,
} from '../../../core/messaging/dead-letters/dead-letter-filter.js';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterPage,
  DeadLetterStatus,
  DeadLetterStock,
  DeadLetterStore,
  DeadLetterSummary,
  NewDeadLetter,
} from '../../../core/messaging/dead-letters/dead-letter-store.js';
import { MessagingError } from '../../../core/messaging/messaging.errors.js';
import { systemClock } from '../../../core/messaging/clock.js';
import type { Clock } from '../../../core/messaging/transport.js';
import { SortedIds } from './sorted-ids.js';

export interface MemoryDeadLetterStoreOptions {
  readonly clock?: Clock;
  /** Letters held at a time, beyond which `add` rejects and the message stays with its transport. @default 100_000 */
  readonly maxLetters?: number;
  /** Bytes of their bodies held at a time; as for `maxLetters`. @default 256 MiB */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_LETTERS = 100_000;
const DEFAULT_MAX_BYTES = 256 * 2 ** 20;

/** Keeps dead letters as long as the process lives. For tests, and for what may be lost. */
export class MemoryDeadLetterStore implements DeadLetterStore {
  readonly #letters = new Map<string, DeadLetter>();
  readonly #ids = new SortedIds();
  /** Id of the letter that is not resolved, by topic, group and message id. */
  readonly #open = new Map<string, string>();
  readonly #clock: Clock;
  readonly #maxLetters: number;
  readonly #maxBytes: number;
  #bytes = 0;
  /** Absent when something has changed since: metrics ask much more often than letters change. */
  #stock: readonly DeadLetterStock[] | undefined;

  constructor({
    clock = systemClock,
    maxLetters = DEFAULT_MAX_LETTERS,
    maxBytes = DEFAULT_MAX_BYTES,
  }: MemoryDeadLetterStoreOptions = {}) {
    this.#clock = clock;
    this.#maxLetters = maxLetters;
    this.#maxBytes = maxBytes;
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async add(letter: NewDeadLetter): Promise<string> {
    const place = placeOf(letter);
    const earlier = this.#letters.get(this.#open.get(place) ?? '');
    this.#refuseWhenFull(letter, earlier);
    const id = earlier?.id ?? letter.id;
    this.#put({
      ...letter,
      id,
      // A copy, because transports reuse their buffers, and a small part of a large one would keep all of it.
      body: new Uint8Array(letter.body),
      status: 'failed',
      bodyBytes: letter.body.length,
      updatedAt: this.#clock.now(),
      replayCount: earlier?.replayCount ?? 0,
      revision: (earlier?.revision ?? 0) + 1,
    });
    this.#open.set(place, id);
    return id;
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    const letter = this.#letters.get(id);
    return letter && { ...letter, body: new Uint8Array(letter.body) };
  }

  async list(
    filter: DeadLetterFilter,
    { limit, after, order = 'newest-first' }: Parameters<DeadLetterStore['list']>[1],
  ): Promise<DeadLetterPage> {
    const items: DeadLetterSummary[] = [];
    for (const id of order === 'newest-first' ? this.#ids.below(after) : this.#ids.above(after)) {
      const letter = this.#letters.get(id);
      if (!letter || !matchesFilter(letter, filter)) continue;
      const last = items.at(-1);
      if (last && items.length === limit) return { items, next: last.id };
      items.push(summaryOf(letter));
    }
    return { items };
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    return this.#matching(filter).length;
  }

  async groups(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetterGroup[]> {
    return groupLetters(this.#matching(filter), limit);
  }

  async transition(
    id: string,
    from: readonly DeadLetterStatus[],
    to: DeadLetterStatus,
  ): Promise<DeadLetterSummary | undefined> {
    const letter = this.#letters.get(id);
    if (!letter || !from.includes(letter.status)) return undefined;
    const changed: DeadLetter = {
      ...letter,
      status: to,
      updatedAt: this.#clock.now(),
      replayCount: letter.replayCount + (to === 'replaying' ? 1 : 0),
      revision: letter.revision + 1,
    };
    this.#put(changed);
    if (to === 'resolved') this.#close(letter);
    else this.#open.set(placeOf(letter), id);
    return summaryOf(changed);
  }

  async discard(id: string): Promise<boolean> {
    const letter = this.#letters.get(id);
    if (!letter) return false;
    this.#close(letter);
    this.#letters.delete(id);
    this.#ids.delete(id);
    this.#bytes -= letter.bodyBytes;
    this.#stock = undefined;
    return true;
  }

  async stats(): Promise<readonly DeadLetterStock[]> {
    this.#stock ??= stockOf(this.#letters.values());
    return this.#stock;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #close(letter: DeadLetter): void {
    const place = placeOf(letter);
    if (this.#open.get(place) === letter.id) this.#open.delete(place);
  }

  #refuseWhenFull(letter: NewDeadLetter, earlier: DeadLetter | undefined): void {
    const bytes = this.#bytes - (earlier?.bodyBytes ?? 0) + letter.body.length;
    const hasPlace = earlier !== undefined || this.#letters.size < this.#maxLetters;
    if (hasPlace && bytes <= this.#maxBytes) return;
    throw new MessagingError(
      'STORE_UNAVAILABLE',
      `The dead letter store holds ${this.#letters.size} letters with ${this.#bytes} bytes, as many as it may. Replay or discard some, or raise maxLetters and maxBytes.`,
    );
  }

  #put(letter: DeadLetter): void {
    const earlier = this.#letters.get(letter.id);
    if (!earlier) this.#ids.add(letter.id);
    this.#bytes += letter.bodyBytes - (earlier?.bodyBytes ?? 0);
    this.#letters.set(letter.id, letter);
    this.#stock = undefined;
  }

  /** Newest first. */
  #matching(filter: DeadLetterFilter): DeadLetter[] {
    const found: DeadLetter[] = [];
    for (const id of this.#ids.below()) {
      const letter = this.#letters.get(id);
      if (letter && matchesFilter(letter, filter)) found.push(letter);
    }
    return found;
  }
}

function placeOf({ topic, group, messageId }: NewDeadLetter): string {
  return JSON.stringify([topic, group, messageId]);
}

function summaryOf(letter: DeadLetter): DeadLetterSummary {
  const { headers: _headers, body: _body, ...summary } = letter;
  return summary;
}
