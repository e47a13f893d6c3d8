import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';

interface Explanation {
  readonly what: string;
  readonly remedy: string;
}

/**
 * Why a directory, or a file in it, cannot be used: the code of the system, what it means here, and what to do.
 *
 * @param cause an error of node:fs, or of lmdb with the number of the system as its `code`.
 */
export function directoryError(directory: string, cause: unknown): MessagingError {
  const code = codeOf(cause);
  const { path = directory } = cause as { path?: string };
  const { what, remedy } = EXPLANATIONS[code]?.(directory, path) ?? {
    what: cause instanceof Error ? cause.message : 'the system gives no reason',
    remedy: 'Check the disk, or configure another directory',
  };
  return refused(directory, `${code}: ${what}. ${remedy}`, cause);
}

export function refused(directory: string, why: string, cause?: unknown): MessagingError {
  return new MessagingError('TRANSPORT_UNAVAILABLE', `The directory ${directory} cannot be used: ${why}.`, {
    cause,
  });
}

/** Where a symbolic link leads, for an error. */
export function describeLink(path: string): string {
  const target = readlinkSync(path);
  return existsSync(path)
    ? `${path} is a symbolic link; name the directory it points to`
    : `${path} is a symbolic link to ${target}, which does not exist`;
}

const EXPLANATIONS: Readonly<Record<string, (directory: string, path: string) => Explanation>> = {
  EACCES: notAllowed,
  EPERM: notAllowed,
  EROFS: (directory) => ({
    what: `the file system of ${existingPartOf(directory)} is read-only`,
    remedy: 'Mount a volume there that can be written, or configure another directory',
  }),
  ENOTDIR: inTheWay,
  EEXIST: inTheWay,
  ENOENT: (directory, path) => ({
    what: linkIn(directory) ?? `${path} does not exist`,
    remedy: 'Create what it points to, or configure another directory',
  }),
  ELOOP: (_, path) => ({
    what: `${path} leads through too many symbolic links`,
    remedy: 'Name the directory itself',
  }),
  EMFILE: () => ({
    what: 'this process has too many files open',
    remedy: 'Raise its limit of open files (ulimit -n)',
  }),
};

function notAllowed(directory: string, path: string): Explanation {
  const user = process.getuid?.();
  return {
    what: `this process${user === undefined ? '' : `, user ${user},`} has no permission for ${path}`,
    remedy: `Give it ${existingPartOf(directory)} (chown), or configure another directory`,
  };
}

function inTheWay(directory: string): Explanation {
  return {
    what: linkIn(directory) ?? `${existingPartOf(directory)} is a file, not a directory`,
    remedy: 'Remove or rename it, or configure another directory',
  };
}

/** The deepest part of the path that is there. */
function existingPartOf(directory: string): string {
  for (let part = directory; ; part = dirname(part)) if (isThere(part) || part === dirname(part)) return part;
}

/** The symbolic link that leads nowhere, where the path goes through one. */
function linkIn(directory: string): string | undefined {
  const part = existingPartOf(directory);
  return isThere(part) && lstatSync(part).isSymbolicLink() ? describeLink(part) : undefined;
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // below a file, or where this process may not look
  }
}

function codeOf(cause: unknown): string {
  const { code } = cause as { code?: unknown };
  if (typeof code === 'string') return code;
  return typeof code === 'number' && code > 0 && code < 200 ? getSystemErrorName(-code) : 'error';
}
