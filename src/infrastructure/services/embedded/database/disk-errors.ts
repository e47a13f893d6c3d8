import { statfsSync } from 'node:fs';
import { directoryError } from './directory-errors.js';
import { MessagingError, type MessagingErrorCode } from '../../../../core/messaging/ports/errors.js';

const EIO = 5;
const MAP_FULL = -30792;
const NO_SPACE = new Map([
  [28, 'ENOSPC: the disk is full'],
  [27, 'EFBIG: the file may not grow further'],
  [122, 'EDQUOT: the quota of this user is used up'],
  [MAP_FULL, 'MDB_MAP_FULL: the database has its largest size'],
]);
const NAMES = new Map([
  [EIO, 'EIO'],
  [13, 'EACCES'],
  [30, 'EROFS: the file system is read-only'],
]);
/** Below this much free space a short write (which lmdb reports as EIO) is taken for a full disk. */
const FULL_BELOW_BYTES = 4 * 1024 * 1024;

/**
 * A commit that failed. `certain`: nothing of it was written. When it is false, the writes may be there, but are not known
 * to survive a power failure.
 */
export class CommitError extends MessagingError {
  constructor(
    code: MessagingErrorCode,
    message: string,
    readonly certain: boolean,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** Turns the error of an aborted lmdb commit into one of our errors. */
export function abortedCommit(directory: string, cause: unknown): CommitError {
  const code = numericCode(cause);
  const noSpace =
    NO_SPACE.get(code) ?? (code === EIO && isNearlyFull(directory) ? NO_SPACE.get(28) : undefined);
  if (noSpace !== undefined) {
    return new CommitError(
      'TRANSPORT_FULL',
      `Nothing was written to ${directory} (${noSpace}). Free space; writing works again by itself.`,
      true,
      { cause },
    );
  }
  return new CommitError(
    'TRANSPORT_UNAVAILABLE',
    `Nothing was written to ${directory} (${NAMES.get(code) ?? `error ${code}`}). Check the disk and the file size limit of this process.`,
    true,
    { cause },
  );
}

/** Any error from opening or writing files below `directory` as one of ours. */
export function asDiskError(directory: string, error: unknown): MessagingError {
  if (error instanceof MessagingError) return error;
  // Errors of node:fs carry the number as `errno`, negative; those of lmdb as `code`.
  const { errno } = error as { errno?: number };
  const code = errno === undefined ? numericCode(error) : -errno;
  if (!NO_SPACE.has(code) && code !== EIO) return directoryError(directory, error);
  return abortedCommit(
    directory,
    Object.assign(new Error('a file could not be written', { cause: error }), { code }),
  );
}

/** Nothing may be written while the disk is known to be full. */
export function diskIsFull(directory: string): CommitError {
  return abortedCommit(directory, Object.assign(new Error('the disk is full'), { code: 28 }));
}

/** The commit is in the database, but the disk did not confirm it. */
export function unflushedCommit(directory: string, cause: unknown): CommitError {
  return new CommitError(
    'TRANSPORT_UNAVAILABLE',
    `The disk did not confirm a write to ${directory}, so it may not survive a power failure. Check the disk. The directory is opened again; what was written last is unknown.`,
    false,
    { cause },
  );
}

/** Free bytes for this user on the file system of `directory`; unlimited where the system does not report it. */
export function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function isNearlyFull(directory: string): boolean {
  return freeBytes(directory) < FULL_BELOW_BYTES;
}

function numericCode(error: unknown): number {
  // Not `instanceof Error`: the addon makes its errors in a realm of its own under some test runners.
  const code: unknown = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'number' ? code : 0;
}
