/**
 * Fetches what a Kafka broker consists of from Maven, once a version, and prints nothing when it is there already.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The last release that still knew ZooKeeper, and one of the current series. */
export const KAFKA_VERSIONS = ['3.9.1', '4.1.1'];

/** Folder with the libraries of a version. */
export function kafkaLibraries(version) {
  return path.join(os.homedir(), '.cache', 'switchyard', `kafka-${version}`);
}

function fetch(version) {
  const target = kafkaLibraries(version);
  if (fs.existsSync(target)) return;
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-kafka-'));
  try {
    fs.writeFileSync(path.join(work, 'pom.xml'), pom(version));
    const libraries = path.join(work, 'lib');
    const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${libraries}`];
    const { status, stdout, stderr } = spawnSync('mvn', [...args, '-DincludeScope=runtime'], {
      cwd: work,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`Maven could not fetch Kafka ${version}:\n${stdout}${stderr}`);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    move(libraries, target);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Whole or not at all, also when somebody else does the same. */
function move(from, to) {
  const beside = `${to}.${process.pid}`;
  fs.cpSync(from, beside, { recursive: true });
  try {
    fs.renameSync(beside, to);
  } catch (error) {
    fs.rmSync(beside, { recursive: true, force: true });
    if (!fs.existsSync(to)) throw error;
  }
}

function pom(version) {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>switchyard</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const version of KAFKA_VERSIONS) fetch(version);
