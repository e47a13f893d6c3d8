/**
 * Downloads, once, Redis servers that are older than the Debian package, from Java libraries that contain them.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

import { fetchedFolder } from './fetched.mjs';
import { fetchWithMaven } from './maven.mjs';

/** Where they are stored, as `fetchedFolder` has it. */
export const OLD_REDIS_FOLDER = 'old-redis';

/** The oldest supported series (the program reports 6.2.11), and one that is too old. */
const SERVERS = ['redis-server-6.2.6-v5-linux-amd64', 'redis-server-2.8.19'];

/** SHA-256 of the libraries. */
// prettier-ignore
const SUMS = {
  'embedded-redis-1.4.3.jar': 'ffbc63265c60d25dee453d6f656b527d98200d98657c6a0ab4dec4ea2c3a5cd6',
  'embedded-redis-0.7.3.jar': 'f655f2ece0bb01b4d28b937877d4287d12bd7199e7cee83b00b1653dba00c1df',
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dependencies = ['com.github.codemonstur:embedded-redis:1.4.3', 'it.ozimov:embedded-redis:0.7.3'];
  const only = '-DincludeArtifactIds=embedded-redis';
  fetchWithMaven(OLD_REDIS_FOLDER, dependencies, SUMS, {
    copy: [only],
    unpack: [only, `-Dmdep.unpack.includes=${SERVERS.join(',')}`],
  });
  for (const server of SERVERS) fs.chmodSync(path.join(fetchedFolder(OLD_REDIS_FOLDER), server), 0o755);
}
