/**
 * Builds, tests and starts the applications of `test/fixtures` with the packed package, as those who install it. Ends with
 * the line `N passed, N failed`.
 *
 *   node scripts/fixture-apps.mjs                 all of them
 *   node scripts/fixture-apps.mjs nest-11         these
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';

import { prepare, ROOT } from './bootstrap.mjs';
import { capture } from './capture.mjs';
import { fixtureFolder, installedPackages, npm, outerEnvironment } from './fixtures.mjs';
import { packInto } from './packed-files.mjs';

const APPLICATIONS = ['nest-11', 'nest-12', 'nest-12-jest'];
const START_TIMEOUT_MS = 60_000;

const unknown = process.argv.slice(2).filter((name) => !APPLICATIONS.includes(name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}, but there are: ${APPLICATIONS.join(', ')}.`);
  process.exit(2);
}
const counts = { passed: 0, failed: 0 };
await prepare({ build: true });
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-fixtures-'));
try {
  const { file: archive } = packInto(ROOT, work);
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : APPLICATIONS)
    await tryOut(name, archive);
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;

async function tryOut(name, archive) {
  const folder = path.join(work, name);
  const { scripts } = JSON.parse(fs.readFileSync(path.join(fixtureFolder(name), 'package.json'), 'utf8'));
  const steps = [
    ['is installed beside the packages of the application', () => install(name, folder, archive)],
    ['builds', () => npm(['run', 'build'], folder)],
    ['passes its tests', () => npm(['test'], folder)],
    ...(scripts['test:e2e'] === undefined
      ? []
      : [['passes its e2e tests', () => npm(['run', 'test:e2e'], folder)]]),
    ['starts, publishes and handles', () => handlesOrders(folder)],
    ['names every mistake in its options', () => namesMistakes(folder)],
  ];
  for (const [title, step] of steps) {
    const startedAt = performance.now();
    const error = await step().then(
      () => undefined,
      (reason) => reason,
    );
    counts[error === undefined ? 'passed' : 'failed'] += 1;
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    console.log(`${error === undefined ? 'ok    ' : 'FAILED'} ${name} ${title} (${seconds} s)`);
    if (error === undefined) continue;
    console.log(error.message);
    if (title === steps[0][0]) return; // no other step can pass
  }
}

/** Through npm, which refuses a package whose peers are not in the range. */
async function install(name, folder, archive) {
  const packages = await installedPackages(name);
  fs.cpSync(fixtureFolder(name), folder, { recursive: true });
  fs.cpSync(fixtureFolder('shared'), path.join(folder, 'src'), { recursive: true });
  const { status } = await capture('cp', ['-al', path.join(packages, 'node_modules'), folder], {});
  if (status !== 0)
    fs.cpSync(path.join(packages, 'node_modules'), path.join(folder, 'node_modules'), {
      recursive: true,
      verbatimSymlinks: true,
    });
  await npm(
    [
      'install',
      '--no-save',
      '--prefer-offline',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      archive,
    ],
    folder,
  );
}

async function handlesOrders(folder) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/orders`;
  const app = start(folder, { PORT: String(port) });
  try {
    await until(app, () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const { status } = await (await fetch(`${url}/o-1`, { method: 'POST' })).json();
    if (status !== 'accepted') throw new Error(`The publish was ${status}.`);
    await until(app, async () => (await (await fetch(url)).json()).includes('o-1'));
  } finally {
    app.child.kill('SIGTERM');
    await app.ended;
  }
}

async function namesMistakes(folder) {
  const app = start(folder, { PORT: String(await freePort()), SERVICE: 'no good name!', ATTEMPTS: '-1' });
  const code = await app.ended;
  const output = app.output();
  const expected = [
    'Messaging cannot start: 2 configuration problems',
    'service is not valid',
    'attempts is -1',
  ];
  const missing = expected.filter((text) => !output.includes(text));
  if (code !== 0 && missing.length === 0) return;
  throw new Error(`It ended with ${code} and did not print ${JSON.stringify(missing)}:\n${output}`);
}

function start(folder, env) {
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: folder,
    env: { ...outerEnvironment(), ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
  let hasEnded = false;
  void ended.then(() => {
    clearTimeout(timer);
    hasEnded = true;
  });
  return { child, ended, output: () => output, hasEnded: () => hasEnded };
}

async function until(app, condition) {
  while (!(await condition())) {
    if (app.hasEnded()) throw new Error(`The application has ended:\n${app.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
