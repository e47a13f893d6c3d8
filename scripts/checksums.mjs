import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';

/** Throws unless the file has this SHA-256. */
export function refuseChanged(file, sha256) {
  const found = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  if (found !== sha256)
    throw new Error(
      `${path.basename(file)} has the SHA-256 ${found} instead of ${sha256}. It was changed on its way, or its version was: take over a new sum only from a source that you trust.`,
    );
}

/** Throws unless the folder has exactly these files, each with its SHA-256. */
export function refuseOthers(folder, sums) {
  const found = fs.readdirSync(folder).sort();
  const missing = Object.keys(sums).filter((name) => !found.includes(name));
  const unknown = found.filter((name) => !Object.hasOwn(sums, name));
  if (missing.length > 0 || unknown.length > 0)
    throw new Error(
      `The downloaded files are not the expected ones: ${missing.join(', ') || 'none'} missing, ${unknown.join(', ') || 'none'} unknown.`,
    );
  for (const name of found) refuseChanged(path.join(folder, name), sums[name]);
}
