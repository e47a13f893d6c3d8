/** `test/full-runs.json`: the result of the last run of each group of `npm run test:full`, and a hash of its inputs. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';

import { lockedPackages } from './locked-packages.mjs';
import { Reach } from './reach.mjs';

/** The recorded runs of the project with this root. */
export class FullRuns {
  #root;
  #file;

  constructor(root) {
    this.#root = root;
    this.#file = path.join(root, 'test', 'full-runs.json');
  }

  /** By the name of the group. */
  read() {
    return fs.existsSync(this.#file) ? JSON.parse(fs.readFileSync(this.#file, 'utf8')) : {};
  }

  /**
   * Hashes of groups: over the files that their specs or scripts reach by import or by path, and over the locked
   * versions of imported packages. The same on every machine.
   */
  hashes(groups) {
    const reach = new Reach(this.#root);
    const lockfile = JSON.parse(fs.readFileSync(path.join(this.#root, 'package-lock.json'), 'utf8'));
    const digests = new Map();
    const digestOf = (file) => {
      const digest = digests.get(file) ?? createHash('sha256').update(reach.read(file)).digest('hex');
      digests.set(file, digest);
      return digest;
    };
    return new Map(
      groups.map((group) => {
        const { files, packages } = reach.from(entriesOf(group));
        const lines = [
          ...files.map((file) => `${file} ${digestOf(file)}`),
          ...lockedPackages(lockfile, packages),
        ];
        return [group.name, createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 32)];
      }),
    );
  }

  /** Groups whose last run failed or had other inputs, each with `hash` and the `last` run. */
  stale(groups) {
    const runs = this.read();
    const hashes = this.hashes(groups);
    return groups
      .map((group) => ({ ...group, hash: hashes.get(group.name), last: runs[group.name] }))
      .filter(({ hash, last }) => last?.hash !== hash || last.result !== 'passed');
  }

  /**
   * Records the result of a complete group. A run beside a busy loop keeps the seconds of the last quiet run,
   * because CI plans with them.
   *
   * @param run `hash`, `result` (`passed` or `failed`), `seconds` and `loaded`
   */
  write(name, { hash, result, seconds, loaded }) {
    const runs = this.read();
    const quiet = loaded ? runs[name]?.seconds : undefined;
    runs[name] = {
      hash,
      result,
      seconds: quiet ?? seconds,
      commit: commitOf(this.#root),
      ...(loaded && { loaded }),
    };
    const sorted = Object.fromEntries(Object.entries(runs).sort(([a], [b]) => (a < b ? -1 : 1)));
    const beside = `${this.#file}.${process.pid}`;
    fs.writeFileSync(beside, `${JSON.stringify(sorted, null, 2)}\n`);
    fs.renameSync(beside, this.#file);
  }
}

/** The files from which the reach of a group is followed. */
export function entriesOf({ files, script, inputs = [] }) {
  return [...files, ...(script === undefined ? [] : [script]), ...inputs];
}

/** Since when a group is stale, for the output. */
export function sinceText({ last }) {
  return last === undefined ? 'never run' : `since ${last.commit}`;
}

function commitOf(root) {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short=12', 'HEAD'], {
    cwd: root,
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : 'unknown';
}
