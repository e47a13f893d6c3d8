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

/**
 * Applications by name. `sources` are folders of `test/fixtures` that they share, besides their own, and `prefix` is
 * where their routes begin. Those with `operations` serve health, metrics and the admin API when they are started.
 */
const APPLICATIONS = {
  'nest-11': { sources: ['shared', 'host', 'microservices'] },
  // The same one with the oldest peers, and with the Jest and TypeScript of its time.
  'nest-11-oldest': {
    like: 'nest-11',
    sources: ['shared', 'host', 'clients', 'conformance', 'microservices'],
  },
  'nest-12': { sources: ['shared', 'conformance'] },
  'nest-12-jest': { sources: ['shared'] },
  // With the newest peers.
  'nest-fastify': {
    sources: ['shared', 'host', 'clients', 'microservices'],
    prefix: '/api/v1',
    operations: '/api',
  },
  // Libraries of the recipes in the docs; it has tests only.
  recipes: { sources: ['shared'] },
};
const NAMES = Object.keys(APPLICATIONS);
const START_TIMEOUT_MS = 60_000;
/** Their specs wait up to 10 s and then name what is missing; the limits of the runners, 5 s, would cut that off. */
const TEST_TIMEOUT_MS = 30_000;

const unknown = process.argv.slice(2).filter((name) => !NAMES.includes(name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}, but there are: ${NAMES.join(', ')}.`);
  process.exit(2);
}
const counts = { passed: 0, failed: 0 };
await prepare({ build: true });
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-fixtures-'));
try {
  const { file: archive } = packInto(ROOT, work);
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : NAMES) await tryOut(name, archive);
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;

async function tryOut(name, archive) {
  const folder = path.join(work, name);
  const { prefix = '', operations } = APPLICATIONS[name];
  const { scripts } = JSON.parse(fs.readFileSync(path.join(fixtureFolder(name), 'package.json'), 'utf8'));
  const steps = [
    ['is installed beside the packages of the application', () => install(name, folder, archive)],
    ['builds', () => npm(['run', 'build'], folder)],
    ['passes its tests', () => npm(['test', '--', `--testTimeout=${TEST_TIMEOUT_MS}`], folder)],
    ...(scripts['test:e2e'] === undefined
      ? []
      : [['passes its e2e tests', () => npm(['run', 'test:e2e'], folder)]]),
    ...(scripts['start:prod'] === undefined ? [] : startedSteps(folder, { prefix, operations })),
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

function startedSteps(folder, { prefix, operations }) {
  return [
    ['starts, publishes and handles', () => handlesOrders(folder, prefix)],
    ...(operations === undefined
      ? []
      : [['serves health, metrics and the admin API', () => servesOperations(folder, operations)]]),
    ['names every mistake in its options', () => namesMistakes(folder)],
  ];
}

/** Through npm, which refuses a package whose peers are not in the range. */
async function install(name, folder, archive) {
  const packages = await installedPackages(name);
  const { like = name, sources } = APPLICATIONS[name];
  for (const each of new Set([like, name])) fs.cpSync(fixtureFolder(each), folder, { recursive: true });
  for (const each of sources) fs.cpSync(fixtureFolder(each), path.join(folder, 'src'), { recursive: true });
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

function handlesOrders(folder, prefix) {
  return whileStarted(folder, async (app, url) => {
    const orders = `${url}${prefix}/orders`;
    await answers(app, orders);
    const { status } = await (await fetch(`${orders}/o-1`, { method: 'POST' })).json();
    if (status !== 'accepted') throw new Error(`The publish was ${status}.`);
    await until(app, async () => (await (await fetch(orders)).json()).includes('o-1'));
  });
}

/** With the key of `test/fixtures/host/operations.module.ts`. */
function servesOperations(folder, operations) {
  const admin = `${operations}/messaging/api/v1/me`;
  const key = { authorization: 'Bearer key-of-ana' };
  const expected = [
    [`${operations}/health`, {}, 200, '{"status":"ok"}'],
    [`${operations}/metrics`, {}, 200, '# HELP'],
    [admin, {}, 401, '"status":401'],
    [admin, key, 200, '"subject":"ana"'],
  ];
  return whileStarted(folder, async (app, url) => {
    await answers(app, `${url}${operations}/health/ready`);
    for (const [address, headers, status, text] of expected) {
      const response = await fetch(url + address, { headers });
      const body = await response.text();
      if (response.status !== status || !body.includes(text))
        throw new Error(`${address} was answered with ${response.status}:\n${body}`);
    }
  });
}

async function whileStarted(folder, use) {
  const port = await freePort();
  const app = start(folder, { PORT: String(port) });
  try {
    await use(app, `http://127.0.0.1:${port}`);
  } finally {
    app.child.kill('SIGTERM');
    await app.ended;
  }
}

function answers(app, url) {
  return until(app, () =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}

async function namesMistakes(folder) {
  const wrong = { SERVICE: 'no good name!', MAX_MESSAGES: '0', ATTEMPTS: '-1' };
  const app = start(folder, { PORT: String(await freePort()), ...wrong });
  const code = await app.ended;
  const output = app.output();
  const expected = [
    'Messaging cannot start: 3 configuration problems',
    'service is not valid',
    'transports.memory.maxMessages is 0',
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
