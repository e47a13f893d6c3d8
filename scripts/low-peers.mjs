/**
 * Runs specs in a copy of the project whose peers are the oldest that package.json allows: those of
 * `test/fixtures/low-peers`. Ends with the line `N passed, N failed`.
 *
 *   node scripts/low-peers.mjs application | redis | rabbitmq
 *   node scripts/low-peers.mjs application metrics host     of these the specs whose paths contain a word
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { prepare, ROOT } from './bootstrap.mjs';
import { provideBrokers } from './brokers.mjs';
import { fixtureFolder, installedPackages } from './fixtures.mjs';
import { runCommand } from './run-command.mjs';
import { specFiles } from './test-plan.mjs';

const FIXTURE = 'low-peers';
const COPIED = [
  'config',
  'docs',
  'jest.config.mjs',
  'package.json',
  'scripts',
  'src',
  'test',
  'tsconfig.json',
];
const RUNS = {
  // The demonstration is not part of the package, and uses what only the newest Nest has.
  application: {
    specs:
      /^(src\/(core|config|infrastructure|switchyard)\/|test\/conformance\/(memory|embedded)|test\/e2e\/(handlers|host|publishing|lifecycle|groups|health|metrics|admin-api|admin-fastify|seam|transport-overrides|nest-microservices(-events|-requests)?)\W)/,
    needs: [],
  },
  redis: { specs: /^test\/conformance\/redis(-stores)?\.conformance/, needs: ['redis'] },
  rabbitmq: {
    specs: /^test\/(conformance\/rabbitmq\.conformance|faults\/rabbitmq-poison|e2e\/rabbitmq-nest)/,
    needs: ['rabbitmq'],
  },
};

const [name, ...words] = process.argv.slice(2);
const run = RUNS[name];
if (run === undefined) {
  console.error(`Which? ${Object.keys(RUNS).join(', ')}`);
  process.exit(2);
}
await prepare();
await provideBrokers(run.needs, { containers: false });
const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-low-peers-'));
try {
  for (const name of COPIED) fs.cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true });
  linkPackages(await installedPackages(FIXTURE));
  const report = path.join(copy, 'report.json');
  const jest = path.join('node_modules', 'jest', 'bin', 'jest.js');
  await runCommand(
    process.execPath,
    [
      jest,
      '--runInBand',
      '--forceExit',
      '--json',
      `--outputFile=${report}`,
      '--runTestsByPath',
      ...specFiles(ROOT)
        .filter((file) => run.specs.test(file))
        .filter((file) => words.length === 0 || words.some((word) => file.includes(word))),
    ],
    { cwd: copy, stdout: 'ignore' },
  );
  const {
    numPassedTests: passed,
    numFailedTests,
    numRuntimeErrorTestSuites,
    numPendingTests: skipped,
  } = JSON.parse(fs.readFileSync(report, 'utf8'));
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  console.log(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
} finally {
  fs.rmSync(copy, { recursive: true, force: true });
}

/** The project's own packages, but those of the fixture in place of the same ones. */
function linkPackages(low) {
  const wanted = Object.keys(
    JSON.parse(fs.readFileSync(path.join(fixtureFolder(FIXTURE), 'package.json'), 'utf8')).dependencies,
  );
  const link = (from, name) => {
    const to = path.join(copy, 'node_modules', name);
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.symlinkSync(path.join(from, 'node_modules', name), to);
  };
  for (const name of packagesOf(path.join(ROOT, 'node_modules')))
    if (!wanted.includes(name)) link(ROOT, name);
  for (const name of wanted) link(low, name);
}

function packagesOf(modules) {
  return fs
    .readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@')
        ? fs.readdirSync(path.join(modules, name)).map((each) => `${name}/${each}`)
        : [name],
    );
}
