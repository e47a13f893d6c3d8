import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { refuseOthers } from './checksums.mjs';
import { fetchedFolder, moveInto } from './fetched.mjs';

/**
 * Fills the folder of the name with libraries, or with what is in them, once.
 *
 * @param dependencies as "group:artifact:version"
 * @param sums SHA-256 of every library, by file name. Nothing is unpacked or kept while one differs.
 * @param options `copy` are arguments for the copying; `unpack` are those for an unpacking that follows
 */
export function fetchWithMaven(name, dependencies, sums, { copy = [], unpack } = {}) {
  const target = fetchedFolder(name);
  if (fs.existsSync(target)) return;
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-maven-'));
  const run = (goal, folder, args) => {
    const all = ['-q', '-B', ...goal, `-DoutputDirectory=${folder}`, ...args];
    const { status, stdout, stderr } = spawnSync('mvn', all, { cwd: work, encoding: 'utf8' });
    if (status !== 0) throw new Error(`Maven could not download ${name}:\n${stdout}${stderr}`);
  };
  try {
    fs.writeFileSync(path.join(work, 'pom.xml'), pom(name, dependencies));
    const libraries = path.join(work, 'libraries');
    run(['dependency:copy-dependencies'], libraries, copy);
    refuseOthers(libraries, sums);
    if (unpack === undefined) {
      moveInto(libraries, target);
      return;
    }
    const unpacked = path.join(work, 'unpacked');
    // Offline, so that nothing is unpacked that was not just checked.
    run(['-o', 'dependency:unpack-dependencies'], unpacked, unpack);
    moveInto(unpacked, target);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

function pom(name, dependencies) {
  const lines = dependencies.map((dependency) => {
    const [group, artifact, version] = dependency.split(':');
    return `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>switchyard</groupId><artifactId>${name}</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
${lines.join('\n')}
  </dependencies>
</project>
`;
}
