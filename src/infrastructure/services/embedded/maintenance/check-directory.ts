import { join } from 'node:path';
import { batchesOf } from '../journal/journal-file.js';
import { FileDamage } from '../lmdb-file/file-damage.js';
import { LmdbFile } from '../lmdb-file/lmdb-file.js';
import {
  assertReadable,
  decodeFormat,
  type Format,
  FORMAT_KEY,
  FORMAT_TABLE,
  mayHavePlain,
  UNNUMBERED,
} from '../database/format-record.js';
import { DATA_FILE } from '../database/preflight.js';
import { journalOf, withDirectory } from './directories.js';
import type { OnProgress } from './progress.js';
import { type Judgement, tableReader } from '../records/table-reader.js';

/** What a table holds. */
interface TableCheck {
  readonly table: string;
  /** Messages, in the table of the log. */
  readonly records: number;
  readonly corrupt: number;
}

export interface DirectoryCheck {
  readonly directory: string;
  /** Absent when the file cannot be read so far. */
  readonly format?: number;
  readonly tables: readonly TableCheck[];
  /** What is wrong, as sentences; empty when all is as it was written. */
  readonly damage: readonly string[];
}

/** More sentences than this are counted only. */
const MAX_SENTENCES = 100;

/**
 * Reads every record of a directory and changes nothing.
 *
 * @throws MessagingError `DIRECTORY_IN_USE`, `FORMAT_UNSUPPORTED`.
 */
export function checkDirectory(directory: string, onProgress: OnProgress): Promise<DirectoryCheck> {
  return withDirectory(directory, () => check(directory, onProgress));
}

function check(directory: string, onProgress: OnProgress): DirectoryCheck {
  const damage: string[] = [];
  const note = (what: string): void => {
    if (damage.length < MAX_SENTENCES) damage.push(what);
  };
  for (const { name, bytes } of journalOf(directory)) {
    const missing = batchesOf(bytes).filter(({ number }, nth) => number !== nth).length;
    if (missing > 0)
      note(`${name}: part of the delivery journal is damaged; messages may be delivered once more`);
  }
  let file: LmdbFile;
  try {
    file = LmdbFile.open(join(directory, DATA_FILE));
  } catch (error) {
    if (!(error instanceof FileDamage)) throw error;
    note(`${DATA_FILE}: ${error.message}; the application does not start with it`);
    return { directory, tables: [], damage };
  }
  try {
    file.verify((what) => note(`${DATA_FILE}: ${what}; the application does not start with it`));
    const format = formatOf(file, note);
    assertReadable(directory, format);
    const tables = file
      .tables()
      .filter(({ name }) => name !== FORMAT_TABLE)
      .map((table) => checkTable(file, table.name, { format, note, onProgress }));
    return { directory, format: format.format, tables, damage };
  } finally {
    file.close();
  }
}

/** That of the file, or of one without the record. */
export function formatOf(file: LmdbFile, note: (what: string) => void): Format {
  const table = file.tables().find(({ name }) => name === FORMAT_TABLE);
  try {
    const bytes = table && file.find(table.tree, FORMAT_KEY);
    if (!bytes) return UNNUMBERED;
    const format = decodeFormat(bytes);
    if (format) return format;
  } catch (error) {
    if (!(error instanceof FileDamage)) throw error;
  }
  note('the number of the format cannot be read; the records are taken for those of any format');
  return UNNUMBERED;
}

function checkTable(
  file: LmdbFile,
  name: string,
  { format, note, onProgress }: { format: Format; note: (what: string) => void; onProgress: OnProgress },
): TableCheck {
  const reader = tableReader(name, mayHavePlain(format));
  const table = file.tables().find((one) => one.name === name);
  let [records, corrupt] = [0, 0];
  for (const { key, value } of table ? file.records(table.tree) : []) {
    const judged = judgeRecord(() => reader.judge(key, value()));
    records += judged.records;
    corrupt += judged.corrupt;
    if (judged.corrupt > 0) note(`table ${name}: record ${key.toString('hex')} is not as it was written`);
    onProgress({ table: name, records, expected: table?.tree.entries ?? 0 });
  }
  return { table: name, records, corrupt };
}

function judgeRecord(judge: () => Judgement): Judgement {
  try {
    return judge();
  } catch (error) {
    if (!(error instanceof FileDamage)) throw error;
    return { records: 1, corrupt: 1 };
  }
}
