import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { FileDamage } from '../lmdb-file/file-damage.js';
import { LmdbFile } from '../lmdb-file/lmdb-file.js';
import { refused } from './directory-errors.js';
import { tableReader } from '../records/table-reader.js';
import { ALL_TABLES } from './table-names.js';
import {
  assertReadable,
  decodeFormat,
  type Format,
  FORMAT_KEY,
  FORMAT_TABLE,
  mayHavePlain,
  UNNUMBERED,
} from './format-record.js';

export const DATA_FILE = 'data.mdb';
/** Files that are opened by name, and would be followed wherever they lead. */
const FILES = [DATA_FILE, `${DATA_FILE}-lock`, 'hand-out.0', 'hand-out.1', 'reserve', 'switchyard.lock'];

/**
 * Looks at the files of a directory before anything is opened or changed: lmdb ends the process where its file is not as
 * it was written.
 *
 * @throws MessagingError `TRANSPORT_UNAVAILABLE` for a symbolic link, `FILE_CORRUPT`, `FORMAT_UNSUPPORTED`.
 */
export function preflight(directory: string): void {
  for (const name of FILES)
    if (lstatSync(join(directory, name), { throwIfNoEntry: false })?.isSymbolicLink())
      throw refused(directory, `${name} in it is a symbolic link. Replace it by the file it points to`);
  const path = join(directory, DATA_FILE);
  // lmdb fills an empty file.
  if ((lstatSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  try {
    const file = LmdbFile.open(path);
    try {
      assertWhole(file);
      assertPlaces(file, assertFormat(directory, file));
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof FileDamage) throw corrupt(directory, path, error);
    throw error;
  }
}

function assertWhole(file: LmdbFile): void {
  let first: string | undefined;
  file.verify((what) => (first ??= what));
  if (first !== undefined) throw new FileDamage(first);
}

function assertFormat(directory: string, file: LmdbFile): Format {
  const table = file.tables().find(({ name }) => name === FORMAT_TABLE);
  const bytes = table && file.find(table.tree, FORMAT_KEY);
  const format = bytes && decodeFormat(bytes);
  if (format) assertReadable(directory, format);
  return format ?? UNNUMBERED;
}

/** A table of a wrong name and a record under a wrong key are not found, and nothing would miss them. */
function assertPlaces(file: LmdbFile, format: Format): void {
  for (const { name, tree } of file.tables()) {
    if (name === FORMAT_TABLE) continue;
    if (!ALL_TABLES.includes(name)) throw new FileDamage(`its table ${JSON.stringify(name)} is not known`);
    const reader = tableReader(name, mayHavePlain(format));
    for (const { key, length, start } of file.records(tree))
      if (reader.isMisplaced(key, start(), length))
        throw new FileDamage(`the key ${key.toString('hex')} in table ${name} is not the one of its record`);
  }
}

function corrupt(directory: string, path: string, damage: FileDamage): MessagingError {
  return new MessagingError(
    'FILE_CORRUPT',
    `${path} is damaged: ${damage.message}. It was not opened, and nothing was changed. ` +
      `Keep what can be read in a new directory, and use that: npx switchyard embedded salvage ${directory} <new directory>`,
    { cause: damage },
  );
}
