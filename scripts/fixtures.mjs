/** The applications and sets of packages in `test/fixtures`, each with a lockfile of its own. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';

import { mayInstall, ROOT } from './bootstrap.mjs';
import { capture } from './capture.mjs';
import { fetchedFolder } from './fetched.mjs';
import { withLock } from './lock.mjs';

const FILES = ['package.json', 'package-lock.json'];

export function fixtureFolder(name) {
  return path.join(ROOT, 'test', 'fixtures', name);
}

/**
 * A folder with the packages of a fixture's lockfile, installed once a machine and lockfile. Do not write to it: link or copy.
 *
 * @throws Error when the packages cannot be installed, or NO_INSTALL=1 forbids it.
 */
export async function installedPackages(name) {
  const hash = createHash('sha256');
  for (const file of FILES) hash.update(fs.readFileSync(path.join(fixtureFolder(name), file)));
  const place = fetchedFolder(path.join('fixtures', `${name}-${hash.digest('hex').slice(0, 16)}`));
  if (fs.existsSync(place)) return place;
  if (!mayInstall())
    throw new Error(`The packages of ${name} are missing, and NO_INSTALL=1 forbids to install them.`);
  fs.mkdirSync(path.dirname(place), { recursive: true });
  await withLock(`${place}.lock`, () => install(name, place));
  return place;
}

async function install(name, place) {
  if (fs.existsSync(place)) return; // another process did it while this one waited for the lock
  const unfinished = `${place}.unfinished`;
  fs.rmSync(unfinished, { recursive: true, force: true });
  fs.mkdirSync(unfinished);
  for (const file of FILES)
    fs.copyFileSync(path.join(fixtureFolder(name), file), path.join(unfinished, file));
  console.error(`Installing the packages of ${name} from its lockfile (once, until it changes) ...`);
  await npm(
    ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    unfinished,
  );
  fs.renameSync(unfinished, place);
}

/** Runs npm in a folder. @throws Error with its output when it fails. */
export async function npm(args, cwd) {
  const own = process.env.npm_execpath;
  const [command, first] = own === undefined ? ['npm', []] : [process.execPath, [own]];
  const { status, output } = await capture(command, [...first, ...args], { cwd, env: outerEnvironment() });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} in ${cwd} failed (${status}):\n${output}`);
  return output;
}

/** Without what npm and Jest set for this project. */
export function outerEnvironment() {
  const own = /^(npm_|JEST_|NODE_ENV$|NODE_OPTIONS$|INIT_CWD$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}
