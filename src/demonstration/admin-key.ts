import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A key of the admin API: the text for its owner, and the hash for the configuration. */
export interface AdminKey {
  readonly key: string;
  readonly sha256: string;
}

/**
 * The demonstration's own admin key, created on first use and stored in the data directory, so that printed
 * commands still work after a restart. Never used in production.
 */
export function demonstrationKey(dataDir: string): AdminKey {
  const file = join(dataDir, 'admin-key');
  const key = read(file) ?? create(dataDir, file);
  return { key, sha256: createHash('sha256').update(key).digest('hex') };
}

function read(file: string): string | undefined {
  try {
    const key = readFileSync(file, 'utf8').trim();
    return key.length >= 16 ? key : undefined;
  } catch {
    return undefined;
  }
}

function create(dataDir: string, file: string): string {
  const key = randomBytes(18).toString('base64url');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  return key;
}
