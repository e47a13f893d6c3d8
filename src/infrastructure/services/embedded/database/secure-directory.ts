import { chmodSync, closeSync, fsyncSync, lstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { describeLink, directoryError, refused } from './directory-errors.js';

const OWNER_ONLY_DIRECTORY = 0o700;
export const OWNER_ONLY_FILE = 0o600;

/**
 * Makes `directory` a directory that only its owner can look into.
 *
 * A symbolic link is refused, because a user who may replace the link decides where messages are written. A directory of
 * another user is refused for the same reason.
 */
export function secureDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  } catch (error) {
    throw directoryError(directory, error);
  }
  const found = lstatSync(directory);
  if (found.isSymbolicLink()) throw refused(directory, describeLink(directory));
  if (!found.isDirectory()) throw refused(directory, 'it is not a directory');
  const user = process.getuid?.();
  if (user !== undefined && found.uid !== user)
    throw refused(directory, `it belongs to user ${found.uid} and this process runs as user ${user}`);
  try {
    if (process.platform !== 'win32') chmodSync(directory, OWNER_ONLY_DIRECTORY);
  } catch (error) {
    throw directoryError(directory, error);
  }
}

/**
 * Gives a file that will be mapped into memory all its blocks on disk beforehand.
 *
 * Touching a mapped page that has no block ends the process with SIGBUS when the disk is full; a plain write fails
 * with an error that can be handled.
 */
export function writeZeros(path: string, bytes: number): void {
  const file = openSync(path, 'w', OWNER_ONLY_FILE);
  try {
    const zeros = Buffer.alloc(bytes);
    for (let at = 0; at < bytes;) at += writeSync(file, zeros, at, bytes - at, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
