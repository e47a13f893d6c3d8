import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asDiskError } from '../database/disk-errors.js';
import { loadLmdb } from '../database/lmdb-client.js';
import { DATA_FILE } from '../database/preflight.js';
import { OWNER_ONLY_FILE, secureDirectory } from '../database/secure-directory.js';
import { FileDamage } from '../lmdb-file/file-damage.js';
import { LmdbFile } from '../lmdb-file/lmdb-file.js';
import { checkDirectory, type DirectoryCheck } from './check-directory.js';
import { assertEmpty, journalOf } from './directories.js';
import type { OnProgress } from './progress.js';

/** Times that a header is read while its writer is in the middle of it. */
const HEADER_READS = 5;

/**
 * Copies a directory as it is at one instant, also while its process uses it, and checks the copy. What is in flight then
 * is delivered again where the copy is used.
 *
 * @throws MessagingError `CONFLICT` when `target` is not empty.
 */
export async function copyDirectory(
  source: string,
  target: string,
  onProgress: OnProgress,
): Promise<DirectoryCheck> {
  assertEmpty(target);
  const lmdb = await loadLmdb();
  assertHeader(join(source, DATA_FILE));
  secureDirectory(target);
  // First, because a journal that is older than the log brings messages twice, and a newer one would hide some.
  const journal = journalOf(source);
  const environment = lmdb.open({
    path: join(source, DATA_FILE),
    noSubdir: true,
    mapSize: 0,
    maxDbs: 1,
    permissionsMode: OWNER_ONLY_FILE,
    encoding: 'binary',
    keyEncoding: 'binary',
    eventTurnBatching: false,
    readOnly: true,
  });
  try {
    await environment.backup(join(target, DATA_FILE), true);
    for (const { name, bytes } of journal)
      writeFileSync(join(target, name), bytes, { mode: OWNER_ONLY_FILE, flag: 'wx' });
  } catch (error) {
    throw asDiskError(target, error);
  } finally {
    await environment.close();
  }
  chmodSync(join(target, DATA_FILE), OWNER_ONLY_FILE);
  return checkDirectory(target, onProgress);
}

/** lmdb ends the process where the header is not as it was written. */
function assertHeader(path: string): void {
  for (let reads = 1; ; reads += 1) {
    try {
      LmdbFile.open(path).close();
      return;
    } catch (error) {
      if (!(error instanceof FileDamage) || reads === HEADER_READS) throw error;
    }
  }
}
