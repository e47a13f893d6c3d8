import { decodeRecord, tableSeed } from '../records/record-codec.js';
import type { EmbeddedDatabase } from '../database/embedded-database.js';
import { FileDamage } from '../lmdb-file/file-damage.js';
import type { LmdbFile } from '../lmdb-file/lmdb-file.js';
import type { TopicRecord } from '../log/catalog.js';
import { Block } from '../records/block.js';
import { logKey, seqOf, topicOf } from '../records/keys.js';
import type { SalvageWriter } from './salvage-writer.js';
import type { TableReader } from '../records/table-reader.js';

const CATALOG = 'catalog';
const LOG = 'log';
const SEED = tableSeed(CATALOG);

interface Parts {
  readonly readers: ReadonlyMap<string, TableReader>;
  readonly writers: ReadonlyMap<string, SalvageWriter>;
  readonly database: EmbeddedDatabase;
}

/**
 * Whole records on pages that nothing leads to. What led to them is damaged, or they were freed: what was removed may be
 * among them, except for messages that the catalog says were removed.
 */
export class Leftovers {
  /** Transaction of what was kept, by table and key. */
  readonly #kept = new Map<string, number>();
  /** First message that was not removed, by topic. */
  readonly #firsts = new Map<number, number>();

  constructor(
    private readonly file: LmdbFile,
    private readonly parts: Parts,
  ) {}

  /** Keeps the newest of each key that is not there. */
  async keep(): Promise<void> {
    const names = [...this.parts.readers.keys()];
    await this.#keepTables(names.filter((name) => name === CATALOG));
    if (names.includes(CATALOG)) this.#readFirsts();
    await this.#keepTables(names.filter((name) => name !== CATALOG));
  }

  async #keepTables(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    for (const { key, transaction, value } of this.file.leftovers()) {
      const bytes = readable(value);
      if (!bytes) continue;
      const name = names.find((one) => this.parts.readers.get(one)?.isOwn(key, bytes));
      if (name !== undefined) await this.#keepOne(name, { key, bytes, transaction });
    }
    if (names.includes(LOG)) await this.#keepLooseBlocks();
    for (const name of names) await this.parts.writers.get(name)?.flush();
  }

  /** Blocks on pages of their own, which nothing leads to: their heads say where they belong. */
  async #keepLooseBlocks(): Promise<void> {
    for (const { transaction, first, read } of this.file.values()) {
      const { ownPlace, ownLength } = Block.read(first, { mayBePlain: false });
      if (!ownPlace || ownLength === undefined) continue;
      const bytes = readable(() => read(ownLength));
      const key = logKey(ownPlace.topicId, ownPlace.last);
      if (bytes) await this.#keepOne(LOG, { key, bytes, transaction });
    }
  }

  async #keepOne(
    name: string,
    { key, bytes, transaction }: { key: Buffer; bytes: Buffer; transaction: number },
  ): Promise<void> {
    const writer = this.parts.writers.get(name);
    const place = `${name} ${key.toString('hex')}`;
    const known = this.#kept.get(place);
    const isNew = known === undefined;
    if (!writer || (isNew ? writer.has(key) : known >= transaction)) return;
    if (name === LOG && seqOf(key) < (this.#firsts.get(topicOf(key)) ?? 1)) return;
    this.#kept.set(place, transaction);
    await writer.putLeftover(key, bytes, isNew);
  }

  #readFirsts(): void {
    for (const { key, value: bytes } of this.parts.database.rawTable(CATALOG).getRange({})) {
      const { value, isCorrupt } = decodeRecord(SEED, { key, bytes, mayBePlain: true });
      if (isCorrupt || String.fromCharCode(key[0] ?? 0) !== 't') continue;
      const record = topicOfRecord(value);
      if (record) this.#firsts.set(record.id, record.firstSeq ?? 1);
    }
  }
}

/** Nothing for one that is damaged where records of an earlier format have no checksum. */
function topicOfRecord(value: Buffer): TopicRecord | undefined {
  try {
    return JSON.parse(value.toString()) as TopicRecord;
  } catch {
    return undefined;
  }
}

/** The value, or nothing when the pages of it are damaged. */
export function readable(value: () => Buffer, onDamage: () => void = () => undefined): Buffer | undefined {
  try {
    return value();
  } catch (error) {
    if (!(error instanceof FileDamage)) throw error;
    onDamage();
    return undefined;
  }
}
