/**
 * Prepares every command of the project: checks the version of Node, installs the packages of the lockfile and, for
 * some commands, builds. Imports no package, and uses no syntax that an old Node cannot parse, because the check of
 * its version would not run.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

import { withLock } from './lock.mjs';

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => path.join(ROOT, ...parts);
const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

/** False when NO_INSTALL=1 forbids to install anything. */
export function mayInstall() {
  return process.env.NO_INSTALL !== '1';
}

/** Checks Node, installs and (with `build`) compiles, each only when it has to. Ends the process with 1 on failure. */
export async function prepare({ build = false } = {}) {
  try {
    requireNode();
    if (!isInstalled()) await withLock(inRoot('.bootstrap.lock'), install);
    if (build && !isBuilt()) await withLock(inRoot('.bootstrap.lock'), compile);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

function requireNode() {
  const wanted = readJson(inRoot('package.json')).engines.node.replace('>=', '');
  const [major, minor = 0] = wanted.split('.').map(Number);
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  throw new Error(
    `Node ${wanted} or newer is required, and this is ${process.versions.node}. Install a newer version and try again.`,
  );
}

/**
 * True when `node_modules` matches the lockfile.
 *
 * npm deletes its record as the first step of an install and writes it as the last, so that an interrupted install
 * is detected and a manual one is not repeated.
 */
function isInstalled() {
  let record;
  try {
    record = readJson(inRoot('node_modules', '.package-lock.json')).packages;
  } catch {
    return false;
  }
  const wanted = readJson(inRoot('package-lock.json')).packages;
  return Object.entries(wanted).every(([place, entry]) => {
    if (place === '') return true;
    const found = record[place];
    if (found === undefined) return entry.optional === true || entry.peer === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

async function install() {
  if (isInstalled()) return; // another process did it while this one waited for the lock
  if (!mayInstall())
    throw new Error(
      'The packages of the lockfile are missing, and NO_INSTALL=1 forbids to install them. Run npm ci, or unset it.',
    );
  console.error('Installing packages from the lockfile (once, until it changes) ...');
  // The tools to build and test are development packages, which npm omits when NODE_ENV is production.
  await npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
}

function npm(args) {
  const own = process.env.npm_execpath;
  return own ? run(process.execPath, [own, ...args]) : run('npm', args);
}

const STAMP = inRoot('dist', '.build-stamp');
/** The build for ES modules, which includes the demonstration, and the one for CommonJS, which is the library only. */
const BUILDS = ['tsconfig.build.json', 'tsconfig.cjs.json'];
const BUILT = [inRoot('dist', 'esm', 'main.js'), inRoot('dist', 'cjs', 'package.json')];

function isBuilt() {
  try {
    return fs.readFileSync(STAMP, 'utf8') === hashOfSources() && BUILT.every((file) => fs.existsSync(file));
  } catch {
    return false;
  }
}

async function compile() {
  if (isBuilt()) return;
  console.error('Building ...');
  await run(process.execPath, [inRoot('scripts', 'build-assets.mjs')], { quiet: true });
  const hash = hashOfSources();
  // Not with `tsc -b`, which takes a project for up to date when only files have changed that its roots import.
  const compiler = inRoot('node_modules', 'typescript', 'bin', 'tsc');
  await Promise.all(BUILDS.map((config) => run(process.execPath, [compiler, '-p', config], { quiet: true })));
  removeOrphans();
  fs.writeFileSync(inRoot('dist', 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
  fs.writeFileSync(STAMP, hash);
}

function filesBelow(directory) {
  return fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const full = path.join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(full) : [full];
  });
}

/** By content, because a fresh checkout changes times only. */
function hashOfSources() {
  const configs = ['tsconfig.json', ...BUILDS, 'package-lock.json'].map((name) => inRoot(name));
  const sources = filesBelow(inRoot('src')).filter((file) => !file.endsWith('.spec.ts'));
  const hash = createHash('sha256');
  for (const file of [...configs, ...sources.sort()])
    hash.update(path.relative(ROOT, file)).update(fs.readFileSync(file));
  return hash.digest('hex');
}

/**
 * The compiler does not delete the output of deleted sources, which imports would still find. Neither is the output of
 * an older layout of `dist` of use.
 */
function removeOrphans() {
  for (const file of filesBelow(inRoot('dist'))) {
    const [build, ...rest] = path.relative(inRoot('dist'), file).split(path.sep);
    const source = inRoot('src', ...rest).replace(/(\.d\.ts|\.js)$/, '.ts');
    const isCurrent = ['cjs', 'esm'].includes(build) && fs.existsSync(source);
    if (/\.(js|d\.ts|js\.map)$/.test(file) && !isCurrent) fs.unlinkSync(file);
  }
}

/** Runs a command in the project and rejects when it fails. Signals that stop this process stop the command first. */
function run(command, args, { quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    // Standard output belongs to the command that the user asked for.
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: ['ignore', quiet ? 'pipe' : process.stderr, 'inherit'],
    });
    let output = '';
    if (quiet) child.stdout.on('data', (data) => (output += data));
    const stop = (signal) => child.kill(signal);
    process.once('SIGINT', stop).once('SIGTERM', stop);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      if (code === 0) resolve();
      else
        reject(
          new Error(
            `${output}${path.basename(args[0])} ${args[1] || ''} failed (${signal || `exit code ${code}`}).`,
          ),
        );
    });
  });
}
