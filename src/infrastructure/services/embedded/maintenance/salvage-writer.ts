import type { EmbeddedDatabase } from '../database/embedded-database.js';
import type { Table } from '../database/lmdb-client.js';

const RECORDS_PER_COMMIT = 500;
const BYTES_PER_COMMIT = 16 * 1024 * 1024;

/** Writes records of one table as they are, many in a transaction. */
export class SalvageWriter {
  readonly #database: EmbeddedDatabase;
  readonly #table: Table;
  readonly #pending = new Map<string, { readonly key: Buffer; readonly bytes: Buffer }>();
  #pendingBytes = 0;
  kept = 0;
  corrupt = 0;
  leftover = 0;

  constructor(database: EmbeddedDatabase, name: string) {
    this.#database = database;
    this.#table = database.rawTable(name);
  }

  has(key: Buffer): boolean {
    return this.#pending.has(key.toString('hex')) || this.#table.doesExist(key);
  }

  async put(key: Buffer, bytes: Buffer, corrupt: number): Promise<void> {
    if (!this.has(key)) this.kept += 1;
    this.corrupt += corrupt;
    await this.#write(key, bytes);
  }

  /** @param isFirst false when it replaces an older one of the same key. */
  async putLeftover(key: Buffer, bytes: Buffer, isFirst: boolean): Promise<void> {
    if (isFirst) this.leftover += 1;
    if (isFirst) this.kept += 1;
    await this.#write(key, bytes);
  }

  async flush(): Promise<void> {
    const records = [...this.#pending.values()];
    this.#pending.clear();
    this.#pendingBytes = 0;
    if (records.length === 0) return;
    await this.#database.commit({
      write: () => {
        for (const { key, bytes } of records) this.#table.put(key, bytes);
      },
    });
  }

  async #write(key: Buffer, bytes: Buffer): Promise<void> {
    this.#pending.set(key.toString('hex'), { key: Buffer.from(key), bytes: Buffer.from(bytes) });
    this.#pendingBytes += bytes.length;
    if (this.#pending.size >= RECORDS_PER_COMMIT || this.#pendingBytes >= BYTES_PER_COMMIT)
      await this.flush();
  }
}
