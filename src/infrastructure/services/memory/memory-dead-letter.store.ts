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

export interface MemoryDeadLetterStoreOptions {
  readonly clock?: Clock;
  /** Letters held at a time, beyond which `add` rejects and the message stays with its transport. @default 100_000 */
  readonly maxLetters?: number;
}

const DEFAULT_MAX_LETTERS = 100_000;

/** Keeps dead letters as long as the process lives. For tests, and for what may be lost. */
export class MemoryDeadLetterStore implements DeadLetterStore {
  readonly #letters = new Map<string, DeadLetter>();
  /** Id of the letter that is not resolved, by topic, group and message id. */
  readonly #open = new Map<string, string>();
  readonly #clock: Clock;
  readonly #maxLetters: number;

  constructor({ clock = systemClock, maxLetters = DEFAULT_MAX_LETTERS }: MemoryDeadLetterStoreOptions = {}) {
    this.#clock = clock;
    this.#maxLetters = maxLetters;
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async add(letter: NewDeadLetter): Promise<string> {
    const place = placeOf(letter);
    const earlier = this.#letters.get(this.#open.get(place) ?? '');
    if (!earlier && this.#letters.size >= this.#maxLetters) {
      throw new MessagingError(
        'STORE_UNAVAILABLE',
        `The dead letter store holds ${this.#maxLetters} letters, as many as it may. Replay or discard some, or raise maxLetters.`,
      );
    }
    const id = earlier?.id ?? letter.id;
    this.#letters.set(id, {
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
    const isAfter = (id: string): boolean =>
      after === undefined || (order === 'newest-first' ? id < after : id > after);
    const direction = order === 'newest-first' ? -1 : 1;
    const found = [...this.#letters.values()]
      .filter((letter) => isAfter(letter.id) && matchesFilter(letter, filter))
      .sort((a, b) => (a.id < b.id ? -direction : direction))
      .slice(0, limit + 1);
    const items = found.slice(0, limit).map(summaryOf);
    const last = items.at(-1);
    return found.length > limit && last ? { items, next: last.id } : { items };
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    return this.#matching(filter).length;
  }

  async groups(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetterGroup[]> {
    const newestFirst = this.#matching(filter).sort((a, b) => (a.id < b.id ? 1 : -1));
    return groupLetters(newestFirst, limit);
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
    this.#letters.set(id, changed);
    if (to === 'resolved') this.#close(letter);
    else this.#open.set(placeOf(letter), id);
    return summaryOf(changed);
  }

  async remove(id: string): Promise<boolean> {
    const letter = this.#letters.get(id);
    if (letter) this.#close(letter);
    return this.#letters.delete(id);
  }

  async stats(): Promise<readonly DeadLetterStock[]> {
    return stockOf(this.#letters.values());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #close(letter: DeadLetter): void {
    const place = placeOf(letter);
    if (this.#open.get(place) === letter.id) this.#open.delete(place);
  }

  #matching(filter: DeadLetterFilter): DeadLetter[] {
    return [...this.#letters.values()].filter((letter) => matchesFilter(letter, filter));
  }
}

function placeOf({ topic, group, messageId }: NewDeadLetter): string {
  return JSON.stringify([topic, group, messageId]);
}

function summaryOf(letter: DeadLetter): DeadLetterSummary {
  const { headers: _headers, body: _body, ...summary } = letter;
  return summary;
}
