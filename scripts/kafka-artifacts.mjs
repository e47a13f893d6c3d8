/**
 * Downloads the libraries of a Kafka broker from Maven, once for each version. Prints nothing when they are present.
 */
import { fileURLToPath } from 'node:url';

import { KAFKA_SUMS } from './kafka-sums.mjs';
import { fetchWithMaven } from './maven.mjs';

/** The last release with ZooKeeper, and one of the current series. */
export const KAFKA_VERSIONS = ['3.9.1', '4.1.1'];

/** Where they are stored, as `fetchedFolder` has it. */
export const KAFKA_FOLDERS = KAFKA_VERSIONS.map((version) => `kafka-${version}`);

function fetch(version) {
  const dependencies = [`org.apache.kafka:kafka_2.13:${version}`, 'org.slf4j:slf4j-simple:1.7.36'];
  fetchWithMaven(`kafka-${version}`, dependencies, KAFKA_SUMS[version], { copy: ['-DincludeScope=runtime'] });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const version of KAFKA_VERSIONS) fetch(version);
