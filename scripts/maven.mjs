import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { fetchedFolder, moveInto } from './fetched.mjs';

/**
 * Fills the folder of the name with a goal of Maven's dependency plugin, once.
 *
 * @param dependencies as "group:artifact:version"
 * @param goal with its arguments, for a folder
 */
export function fetchWithMaven(name, dependencies, goal) {
  const target = fetchedFolder(name);
  if (fs.existsSync(target)) return;
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-maven-'));
  try {
    fs.writeFileSync(path.join(work, 'pom.xml'), pom(name, dependencies));
    const folder = path.join(work, 'fetched');
    const { status, stdout, stderr } = spawnSync('mvn', ['-q', '-B', ...goal(folder)], {
      cwd: work,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`Maven could not download ${name}:\n${stdout}${stderr}`);
    moveInto(folder, target);
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
