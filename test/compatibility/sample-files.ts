import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

/** Files of the data directory by their path in it, in base64. */
export type EmbeddedSample = Readonly<Record<string, string>>;

/** What `DUMP` says of each key, in base64, and when it expires, in milliseconds since 1970. */
export type RedisSample = Readonly<Record<string, { readonly value: string; readonly expiresAt?: number }>>;

interface Samples {
  readonly embedded: EmbeddedSample;
  readonly redis: RedisSample;
}

export interface SampleFile<K extends keyof Samples = keyof Samples> {
  readonly kind: K;
  /** That has written it. */
  readonly commit: string;
  readonly path: string;
  readonly sha256: string;
}

/** In full, because a group of tests is stale when a file that it names has changed. */
const FILES: readonly SampleFile[] = [
  {
    kind: 'embedded',
    commit: '9aea77f',
    path: 'test/compatibility/samples/embedded-9aea77f.json.gz',
    sha256: '9f94af660823d56f4f13c3db4140a97f55a8c94222ac2f03fa839744f78f412e',
  },
  {
    kind: 'redis',
    commit: '9aea77f',
    path: 'test/compatibility/samples/redis-9aea77f.json.gz',
    sha256: '8372e07f7c7bdce934e5623075e9495956537369bde4193a195d11bd7d360061',
  },
];

export function samplesOf<K extends keyof Samples>(kind: K): readonly SampleFile<K>[] {
  return FILES.filter((file): file is SampleFile<K> => file.kind === kind);
}

/** @throws when it is not as it was written: users have what was written then, whatever became of the file since. */
export function readSample<K extends keyof Samples>({ path, sha256 }: SampleFile<K>): Samples[K] {
  const bytes = readFileSync(path);
  if (hashOf(bytes) !== sha256)
    throw new Error(
      `${path} is not as it was written. Restore it; a sample of a later commit is a file of its own.`,
    );
  return JSON.parse(gunzipSync(bytes).toString()) as Samples[K];
}

/** Fails when the commit has one already. */
export function writeSample<K extends keyof Samples>(
  kind: K,
  commit: string,
  sample: Samples[K],
): SampleFile<K> {
  const path = `test/compatibility/samples/${kind}-${commit}.json.gz`;
  const bytes = gzipSync(JSON.stringify(sample), { level: 9 });
  writeFileSync(path, bytes, { flag: 'wx' });
  return { kind, commit, path, sha256: hashOf(bytes) };
}

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
