import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedDatabase } from '../database/embedded-database.js';
import { FORMAT_TABLE, mayHavePlain } from '../database/format-record.js';
import { DATA_FILE } from '../database/preflight.js';
import { OWNER_ONLY_FILE } from '../database/secure-directory.js';
import { FileDamage } from '../lmdb-file/file-damage.js';
import { type FileTable, LmdbFile } from '../lmdb-file/lmdb-file.js';
import { formatOf } from './check-directory.js';
import { assertEmpty, journalOf, withDirectory } from './directories.js';
import { ALL_TABLES, rightTableName, TABLES } from '../database/table-names.js';
import { Leftovers, readable } from './leftovers.js';
import type { OnProgress } from './progress.js';
import { SalvageWriter } from './salvage-writer.js';
import { type TableReader, tableReader } from '../records/table-reader.js';

const SPARE_BYTES = 256 * 1024 * 1024;
/** More sentences than this are counted only. */
const MAX_SENTENCES = 100;

interface TableSalvage {
  readonly table: string;
  /** Records that were written to the new directory, whole or not. */
  readonly kept: number;
  /** Of these, what the application reports as corrupt. */
  readonly corrupt: number;
  /** Of these, found on pages that nothing leads to: what was removed before may be among them. */
  readonly leftover: number;
  /** Of those that the table had, at least so many were not found. */
  readonly lost: number;
}

export interface DirectorySalvage {
  readonly directory: string;
  readonly target: string;
  readonly tables: readonly TableSalvage[];
  /** What was wrong, as sentences. */
  readonly damage: readonly string[];
}

/**
 * Writes what can be read of a damaged directory to a new one, and changes nothing in the old.
 *
 * Records that are not as they were written are kept as they are: the application makes dead letters of them. When part of
 * the file cannot be reached, all pages are looked at for whole records: messages that were handled may come back.
 *
 * @throws MessagingError `DIRECTORY_IN_USE`, or `CONFLICT` when `target` is not empty.
 */
export function salvageDirectory(
  source: string,
  target: string,
  onProgress: OnProgress,
): Promise<DirectorySalvage> {
  assertEmpty(target);
  return withDirectory(source, () => salvage(source, target, onProgress));
}

async function salvage(source: string, target: string, onProgress: OnProgress): Promise<DirectorySalvage> {
  const damage: string[] = [];
  const note = (what: string): void => {
    if (damage.length < MAX_SENTENCES) damage.push(what);
  };
  const path = join(source, DATA_FILE);
  noteHeader(path, note);
  const file = LmdbFile.openDamaged(path);
  try {
    const isReached = damage.length === 0 && isEverythingReached(file, note);
    const format = formatOf(file, note);
    const before = damage.length;
    const found = namedTables(file, note);
    const isWhole = isReached && damage.length === before;
    const names = namesFor(
      file,
      found.map(({ name }) => name),
    );
    const readers = new Map(names.map((name) => [name, tableReader(name, mayHavePlain(format))]));
    const database = await EmbeddedDatabase.open({
      directory: target,
      tables: names,
      maxBytes: 2 * file.fileBytes + SPARE_BYTES,
      since: format.since,
      onSuspect: () => undefined,
    });
    try {
      const writers = new Map(names.map((name) => [name, new SalvageWriter(database, name)]));
      for (const { name, tree } of found) {
        const [reader, writer] = [readers.get(name), writers.get(name)];
        if (!reader || !writer) continue;
        for (const { key, value } of file.records(tree)) {
          const bytes = readable(value, () =>
            note(`table ${name}: record ${key.toString('hex')} cannot be read`),
          );
          if (bytes) await keep(reader, writer, { key, bytes });
          onProgress({ table: name, records: writer.kept, expected: tree.entries });
        }
        await writer.flush();
      }
      if (!isWhole) await new Leftovers(file, { readers, writers, database }).keep();
      for (const { name, bytes } of journalOf(source))
        writeFileSync(join(target, name), bytes, { mode: OWNER_ONLY_FILE, flag: 'wx' });
      const tables = [...writers].map(([table, { kept, corrupt, leftover }]) => {
        const entries = found.find(({ name }) => name === table)?.tree.entries ?? 0;
        // The number may be damaged too, and then be one of more records than the file has bytes.
        const noted = entries < file.fileBytes ? entries : 0;
        const lost = Math.max(noted - kept, 0);
        if (lost > 0) note(`table ${table}: at least ${lost} of its ${noted} records are lost`);
        return { table, kept, corrupt, leftover, lost };
      });
      return { directory: source, target, tables, damage };
    } finally {
      await database.close();
    }
  } finally {
    file.close();
  }
}

/** The tables by the names that they had. */
function namedTables(file: LmdbFile, note: (what: string) => void): FileTable[] {
  return file.tables().flatMap(({ name, tree }) => {
    if (name === FORMAT_TABLE) return [];
    if (ALL_TABLES.includes(name)) return [{ name, tree }];
    const right = rightTableName(name);
    note(`table ${JSON.stringify(name)} is ${right === undefined ? 'none that is known' : `table ${right}`}`);
    return right === undefined ? [] : [{ name: right, tree }];
  });
}

function noteHeader(path: string, note: (what: string) => void): void {
  try {
    LmdbFile.open(path).close();
  } catch (error) {
    if (!(error instanceof FileDamage)) throw error;
    note(`${DATA_FILE}: ${error.message}`);
  }
}

function isEverythingReached(file: LmdbFile, note: (what: string) => void): boolean {
  let isWhole = true;
  file.verify((what) => {
    isWhole = false;
    note(`${DATA_FILE}: ${what}`);
  });
  return isWhole;
}

/** Those that the file names, and when some are missing, those that belong to them. */
function namesFor(file: LmdbFile, found: readonly string[]): string[] {
  const kinds: readonly (readonly string[])[] = Object.values(TABLES);
  const kind = kinds.find((names) => names.some((name) => found.includes(name)));
  if (kind) return [...new Set([...kind, ...found])];
  const readers = ALL_TABLES.map((name) => [name, tableReader(name, false)] as const);
  for (const { key, value } of file.leftovers()) {
    const bytes = readable(value);
    const own = bytes && readers.find(([, reader]) => reader.isOwn(key, bytes));
    if (own) return [...(kinds.find((names) => names.includes(own[0])) ?? [])];
  }
  return [];
}

async function keep(
  reader: TableReader,
  writer: SalvageWriter,
  { key, bytes }: { key: Buffer; bytes: Buffer },
): Promise<void> {
  const { corrupt } = reader.judge(key, bytes);
  const right = corrupt > 0 ? reader.rightKey(key, bytes) : undefined;
  if (right) await writer.put(right, bytes, reader.judge(right, bytes).corrupt);
  // Where a whole record has this key, the damaged one has another that is not known.
  else if (corrupt === 0 || !writer.has(key)) await writer.put(key, bytes, corrupt);
}
