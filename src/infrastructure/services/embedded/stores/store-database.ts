import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { settlesWithin } from '../../../../core/messaging/transport-kit/deadline.js';
import { EmbeddedDatabase } from '../database/embedded-database.js';
import type { Writes } from '../database/group-commit.js';

/** Longest wait for the disk. */
const COMMIT_TIMEOUT_MS = 5_000;

/** A database with the contract of a store: every failure is `STORE_UNAVAILABLE`, and nothing hangs. */
export class StoreDatabase {
  readonly #name: string;
  readonly #database: EmbeddedDatabase;

  private constructor(name: string, database: EmbeddedDatabase) {
    this.#name = name;
    this.#database = database;
  }

  /** @throws MessagingError as {@link EmbeddedDatabase.open}. */
  static async open(
    name: string,
    options: { readonly directory: string; readonly tables: readonly string[]; readonly maxBytes: number },
  ): Promise<StoreDatabase> {
    // Later failures are reported by every operation; there is no other listener.
    const database = await EmbeddedDatabase.open({ ...options, onSuspect: () => undefined });
    return new StoreDatabase(name, database);
  }

  get database(): EmbeddedDatabase {
    return this.#database;
  }

  /** Writes durably. `bytes` is what is added; more than 0 is refused when there is no room. */
  async commit(work: Writes, bytes: number): Promise<void> {
    try {
      const full = bytes > 0 ? this.#database.refusesGrowth(bytes) : undefined;
      if (full) throw full;
      if (await settlesWithin(this.#database.submit(work, bytes).done, COMMIT_TIMEOUT_MS)) return;
    } catch (error) {
      throw unavailable(this.#name, error instanceof Error ? error.message : '', error);
    }
    throw unavailable(this.#name, `The disk did not answer within ${COMMIT_TIMEOUT_MS} ms.`);
  }

  /** Throws when the database can no longer be trusted. */
  assertSound(): void {
    const { suspect } = this.#database;
    if (suspect) throw unavailable(this.#name, suspect.message, suspect);
  }

  /** Lets go of a database that can no longer be trusted. Rejects while its directory cannot be opened again. */
  async abandon(): Promise<void> {
    await this.#database.close();
    if (!this.#database.releaseAgain()) this.assertSound();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

export function unavailable(name: string, why: string, cause?: unknown): MessagingError {
  return new MessagingError('STORE_UNAVAILABLE', `The ${name} store cannot answer. ${why}`, { cause });
}
