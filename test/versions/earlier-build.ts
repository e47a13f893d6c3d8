import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** The last commit whose formats have no numbers. */
const COMMIT = '9aea77f96b814277efd843043d40495fed96c8b6';
const CACHE = path.join(os.homedir(), '.cache', 'switchyard');
const NPM_MS = 600_000;

/** Whether the history of this clone has the commit. */
function hasCommit(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${COMMIT}^{commit}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * `it`, or `it.skip` where the history does not have the commit. It says so then.
 *
 * @throws Error in CI, where nothing may be skipped.
 */
export function itFromEarlier(): jest.It {
  if (hasCommit()) return it;
  const text = `The history of this clone does not have commit ${COMMIT}, so that no earlier version can be built: git fetch --unshallow.`;
  if (process.env['CI'] === 'true') throw new Error(text);
  process.stderr.write(`\n*** ${text}\n`);
  return it.skip;
}

/** The folder of the built commit, with its own packages. Built once, and kept for other runs. */
export function earlierBuild(): string {
  const build = path.join(CACHE, 'earlier', COMMIT);
  if (fs.existsSync(path.join(build, 'dist', 'exports', 'redis.js'))) return build;
  const beside = `${build}.${process.pid}`;
  fs.mkdirSync(beside, { recursive: true });
  const archive = path.join(beside, 'source.tar');
  execFileSync('git', ['archive', '--output', archive, COMMIT]);
  execFileSync('tar', ['-xf', archive, '-C', beside]);
  fs.symlinkSync(packagesOf(beside), path.join(beside, 'node_modules'));
  const tsc = path.join(beside, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json', '--outDir', 'dist', '--preserveSymlinks'],
    {
      cwd: beside,
      stdio: 'inherit',
      timeout: NPM_MS,
    },
  );
  moveInto(beside, build);
  return build;
}

/** Packages of the lockfile in the folder, installed once for each lockfile. */
function packagesOf(source: string): string {
  const lockfile = fs.readFileSync(path.join(source, 'package-lock.json'));
  const hash = createHash('sha256').update(lockfile).digest('hex').slice(0, 16);
  const home = path.join(CACHE, 'packages', hash);
  if (!fs.existsSync(home)) {
    const beside = `${home}.${process.pid}`;
    fs.mkdirSync(beside, { recursive: true });
    for (const file of ['package.json', 'package-lock.json'])
      fs.copyFileSync(path.join(source, file), path.join(beside, file));
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: beside,
      stdio: 'inherit',
      timeout: NPM_MS,
    });
    moveInto(beside, home);
  }
  return path.join(home, 'node_modules');
}

/** Atomic, also when another process does the same. */
function moveInto(from: string, to: string): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    fs.rmSync(from, { recursive: true, force: true });
    if (!fs.existsSync(to)) throw error;
  }
}
