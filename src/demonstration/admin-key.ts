import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { MessagingConfigurationError } from '../index.js';

/** A key of the admin API: the text for its owner, its file, and the hash for the configuration. */
export interface AdminKey {
  readonly key: string;
  readonly file: string;
  readonly sha256: string;
}

const OTHERS_MAY_WRITE = 0o002;
const OTHERS_MAY_ANYTHING = 0o077;
const KEY = /^[\w-]{16,1000}$/;

/**
 * The demonstration's own admin key, created on first use and stored in the data directory, so that printed
 * commands still work after a restart. Never used in production.
 *
 * Throws for a file that another user may have written or read, because that user would know the key.
 */
export function demonstrationKey(dataDir: string): AdminKey {
  const file = join(dataDir, 'admin-key');
  const key = read(file) ?? create(file);
  return { key, file, sha256: createHash('sha256').update(key).digest('hex') };
}

/** Creates the directory for this user only. Throws for one that every user may write to. */
export function openDataDirectory(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if ((statSync(dataDir).mode & OTHERS_MAY_WRITE) === 0 || process.platform === 'win32') return;
  throw refusal(
    `Every user may write to the data directory ${dataDir}. Use another one, or close it: chmod 700 ${dataDir}`,
  );
}

function read(file: string): string | undefined {
  const descriptor = open(file);
  if (descriptor === undefined) return undefined;
  try {
    const stats = fstatSync(descriptor);
    const flaw = stats.isFile() ? flawOf(stats) : 'is no file';
    if (flaw !== undefined) throw planted(file, flaw);
    const key = readFileSync(descriptor, 'utf8').trim();
    if (!KEY.test(key)) throw planted(file, 'holds no key');
    return key;
  } finally {
    closeSync(descriptor);
  }
}

function open(file: string): number | undefined {
  try {
    // Not through a link, and without waiting for the other end of a pipe.
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw planted(file, code === 'ELOOP' ? 'is a link' : `cannot be read (${code ?? 'unknown'})`);
  }
}

function flawOf({ uid, mode }: { readonly uid: number; readonly mode: number }): string | undefined {
  const self = process.getuid?.();
  if (self === undefined) return undefined;
  if (uid !== self) return `belongs to the user ${uid}`;
  return (mode & OTHERS_MAY_ANYTHING) === 0 ? undefined : 'can be read or written by other users';
}

function create(file: string): string {
  const key = randomBytes(18).toString('base64url');
  writeFileSync(file, `${key}\n`, { mode: 0o600, flag: 'wx' });
  return key;
}

function planted(file: string, flaw: string): MessagingConfigurationError {
  return refusal(
    `${file} ${flaw}, so it is not used as the key of the admin API. Remove it; a new one is made.`,
  );
}

function refusal(problem: string): MessagingConfigurationError {
  return new MessagingConfigurationError([problem]);
}
