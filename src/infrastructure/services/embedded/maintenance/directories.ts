import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { DirectoryLock } from '../database/directory-lock.js';
import { directoryError } from '../database/directory-errors.js';
import { DATA_FILE } from '../database/preflight.js';

const JOURNAL_FILES = ['hand-out.0', 'hand-out.1'];
/** A data directory has those of the stores in it. */
const MAX_DEPTH = 3;

/** The directories of the embedded service at and below `root`, as paths relative to it. */
export function directoriesIn(root: string): string[] {
  const found: string[] = [];
  const look = (directory: string, depth: number): void => {
    if (existsSync(join(directory, DATA_FILE))) found.push(relative(root, directory));
    if (depth === MAX_DEPTH) return;
    for (const entry of readdirSync(directory, { withFileTypes: true }))
      if (entry.isDirectory()) look(join(directory, entry.name), depth + 1);
  };
  try {
    look(resolve(root), 0);
  } catch (error) {
    throw directoryError(root, error);
  }
  if (found.length > 0) return found;
  throw new MessagingError(
    'NOT_FOUND',
    `There is no ${DATA_FILE} in ${root} or below. Name a directory of the embedded transport or of an embedded store.`,
  );
}

/**
 * Runs with the directory to itself. One that cannot be written to has no process that uses it.
 *
 * @throws MessagingError `DIRECTORY_IN_USE`.
 */
export async function withDirectory<T>(directory: string, action: () => T | Promise<T>): Promise<T> {
  const lock = await lockOf(directory);
  try {
    return await action();
  } finally {
    lock?.release();
  }
}

async function lockOf(directory: string): Promise<DirectoryLock | undefined> {
  try {
    return await DirectoryLock.acquire(directory, { lost: () => undefined, touched: () => undefined });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'EROFS' || code === 'EACCES') return undefined;
    if (code !== 'DIRECTORY_IN_USE') throw directoryError(directory, error);
    const why = (error as Error).message.split('. ', 1)[0] ?? '';
    throw new MessagingError(
      'DIRECTORY_IN_USE',
      `${why}. Stop that process, or make a copy while it runs (switchyard embedded copy) and look at the copy.`,
      { cause: error },
    );
  }
}

/** The files of the journal that are there. */
export function journalOf(directory: string): { readonly name: string; readonly bytes: Buffer }[] {
  return JOURNAL_FILES.filter((name) => existsSync(join(directory, name))).map((name) => ({
    name,
    bytes: readFileSync(join(directory, name)),
  }));
}

/** A directory for what is written: new or empty. */
export function assertEmpty(directory: string): void {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (!found || (found.isDirectory() && readdirSync(directory).length === 0)) return;
  throw new MessagingError('CONFLICT', `${directory} is there already. Name a new or an empty directory.`);
}
