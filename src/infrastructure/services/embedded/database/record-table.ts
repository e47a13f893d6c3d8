import type { KeyRange, Table, TableStats } from './lmdb-client.js';
import { decodeRecord, encodeRecord, type StoredRecord, tableSeed } from '../records/record-codec.js';

/** A table whose records carry checksums. */
export class RecordTable {
  readonly #table: Table;
  readonly #seed: number;
  readonly #mayBePlain: boolean;

  /** @param mayBePlain whether records without a checksum are from an earlier format, and not corrupt. */
  constructor(
    table: Table,
    readonly name: string,
    { mayBePlain }: { mayBePlain: boolean },
  ) {
    this.#table = table;
    this.#seed = tableSeed(name);
    this.#mayBePlain = mayBePlain;
  }

  /** Only inside a transaction, like {@link remove}. */
  put(key: Uint8Array, value: Uint8Array): void {
    this.#table.put(key, encodeRecord(this.#seed, key, value));
  }

  remove(key: Uint8Array): void {
    this.#table.remove(key);
  }

  read(key: Uint8Array): StoredRecord | undefined {
    const bytes = this.#table.getBinary(key);
    return bytes && this.#decode(key, bytes);
  }

  getKeys(range: KeyRange): Iterable<Buffer> {
    return this.#table.getKeys(range);
  }

  *getRange(range: KeyRange): Generator<StoredRecord & { readonly key: Buffer }> {
    for (const { key, value } of this.#table.getRange(range)) yield { key, ...this.#decode(key, value) };
  }

  getKeysCount(range: KeyRange): number {
    return this.#table.getKeysCount(range);
  }

  getStats(): TableStats {
    return this.#table.getStats();
  }

  #decode(key: Uint8Array, bytes: Buffer): StoredRecord {
    return decodeRecord(this.#seed, { key, bytes, mayBePlain: this.#mayBePlain });
  }
}
