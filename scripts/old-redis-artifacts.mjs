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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dependencies = ['com.github.codemonstur:embedded-redis:1.4.3', 'it.ozimov:embedded-redis:0.7.3'];
  fetchWithMaven(OLD_REDIS_FOLDER, dependencies, (folder) => [
    'dependency:unpack-dependencies',
    `-DoutputDirectory=${folder}`,
    '-DincludeArtifactIds=embedded-redis',
    `-Dmdep.unpack.includes=${SERVERS.join(',')}`,
  ]);
  for (const server of SERVERS) fs.chmodSync(path.join(fetchedFolder(OLD_REDIS_FOLDER), server), 0o755);
}
