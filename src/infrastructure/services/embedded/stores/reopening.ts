import type { TransportEvent, TransportProblem } from '../../../../core/messaging/ports/transport.js';
import { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import { CorruptRecords } from '../database/corrupt-records.js';
import { type StoreDatabase, unavailable } from './store-database.js';

interface Parts<T> {
  /** Of the store, in errors. */
  readonly name: string;
  readonly directory: string;
  readonly onEvent: ((event: TransportEvent) => void) | undefined;
  readonly open: (noteCorrupt: (place: string) => void) => Promise<T>;
}

/** What an embedded store has open: opened again, with the next call, once its database cannot be trusted any more. */
export class Reopening<T extends { readonly store: StoreDatabase }> {
  readonly #parts: Parts<T>;
  readonly #problems: ProblemList;
  readonly #corrupt: CorruptRecords;
  #current: T | undefined;
  #connecting: Promise<void> | undefined;

  constructor(parts: Parts<T>) {
    this.#parts = parts;
    this.#problems = new ProblemList((event) => parts.onEvent?.(event));
    this.#corrupt = new CorruptRecords(parts.directory, this.#problems);
  }

  get current(): T | undefined {
    return this.#current;
  }

  /** Reports a record that is not as it was written. */
  noteCorrupt(place: string): void {
    this.#corrupt.note(place);
  }

  problems(): readonly TransportProblem[] {
    return this.#problems.all();
  }

  connect(): Promise<void> {
    if (this.#current) return Promise.resolve();
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** @throws MessagingError `STORE_UNAVAILABLE`. */
  required(): T {
    const { name } = this.#parts;
    const opened = this.#current;
    if (!opened) throw unavailable(name, 'It is not connected.');
    if (opened.store.database.suspect) this.#reopen(opened);
    opened.store.assertSound();
    return opened;
  }

  async close(): Promise<void> {
    await this.#connecting?.catch(() => undefined);
    const opened = this.#current;
    this.#current = undefined;
    await opened?.store.close();
  }

  async #open(): Promise<void> {
    this.#current = await this.#parts.open((place) => this.noteCorrupt(place));
  }

  /** With every call until it succeeds, so that a store that nothing uses tries nothing. */
  #reopen({ store }: T): void {
    this.#connecting ??= store
      .abandon()
      .then(() => this.#open())
      .catch(() => undefined) // the call that began it reports why
      .finally(() => {
        this.#connecting = undefined;
      });
  }
}
