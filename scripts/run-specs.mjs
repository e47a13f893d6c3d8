import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { ROOT } from './bootstrap.mjs';
import { runCommand } from './run-command.mjs';
import { FIXTURES, needsOf, SEEDED } from './test-plan.mjs';

export const JEST = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
/** A Jest process that has not ended so long after its tests is kept alive by a resource that a test has not closed. */
const END_TIMEOUT_MS = 60_000;
/** The path at which the service `tests` of docker-compose.yml mounts the project. */
const CONTAINER_ROOT = '/app';

/**
 * Runs the specs of a group or part and resolves with results for `summarize`. Specs whose server is missing do not
 * run; their result names the missing server.
 *
 * @param run its `name`, `files`, `args` for Jest, environment `env`, and `tests`, which selects by name; with
 *   `byArguments` the
 *   arguments themselves say which files; `node` is another executable than that of this process
 * @param brokers states by name, as `provideBrokers` has them
 * @param options `reportFile` for what Jest reports, and `onOutput`, which gets the output of Jest instead of
 *   the terminal
 */
export async function runSpecs(run, brokers, options = {}) {
  const states = (file) => needsOf(file).map((need) => brokers[need]);
  const missing = run.files.filter((file) => states(file).some(({ state }) => state === 'missing'));
  const skips = missing.map((file) => ({
    name: run.name,
    file,
    missing: states(file).find(({ reason }) => reason).reason,
  }));
  const files = run.files.filter((file) => !missing.includes(file));
  if (files.length === 0) return skips;
  const inContainer = files.some((file) => states(file).some(({ state }) => state === 'container'));
  const result = await (inContainer ? runInContainer : runHere)({ ...run, files, missing }, options);
  return [...skips, run.tests === undefined ? result : chosenOnly(result)];
}

function jestArgs({ files, missing, args, tests, byArguments }) {
  if (byArguments) return [...args, ...pathsWithout(missing)];
  return ['--runTestsByPath', ...args, ...(tests === undefined ? [] : ['-t', tests]), ...files];
}

/** Replaces the ignore patterns of Jest's configuration, so they are repeated here. */
function pathsWithout(missing) {
  if (missing.length === 0) return [];
  const patterns = ['/node_modules/', SEEDED, FIXTURES, ...missing.map(escapePattern)];
  return patterns.map((pattern) => `--testPathIgnorePatterns=${pattern}`);
}

function escapePattern(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function runHere(run, { reportFile, onOutput }) {
  return withReport(os.tmpdir(), async (file) => {
    const report = reportFile ?? file;
    const code = await runCommand(
      run.node ?? process.execPath,
      [JEST, '--json', `--outputFile=${report}`, '--passWithNoTests', ...jestArgs(run)],
      {
        stdout: 'ignore', // the same JSON again; the readable report is on standard error
        stderr: onOutput === undefined ? 'inherit' : 'pipe',
        onOutput,
        env: run.env,
        isOverdue: () => ageOf(report) > END_TIMEOUT_MS,
      },
    );
    return { name: run.name, code, report: readReport(report) };
  });
}

/** The same in a container, where packages can be installed. */
function runInContainer(run, { onOutput }) {
  return withReport(ROOT, async (file) => {
    const inside = file.replace(ROOT, CONTAINER_ROOT);
    const env = Object.entries(run.env ?? {}).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const code = await runCommand(
      'docker',
      [
        ...['compose', 'run', '--rm', '-T', '-e', 'CI', ...env, 'tests', 'node', 'scripts/test.mjs'],
        ...['--report', inside, ...jestArgs(run)],
      ],
      { ...(onOutput !== undefined && { stdout: 'pipe', stderr: 'pipe', onOutput }) },
    );
    return { name: run.name, code, report: readReport(file), root: CONTAINER_ROOT };
  });
}

/** Tests that were not selected do not count as skipped. */
function chosenOnly(result) {
  for (const file of result.report?.testResults ?? [])
    file.assertionResults = file.assertionResults.filter(({ status }) => status !== 'pending');
  return result;
}

async function withReport(parent, run) {
  const directory = fs.mkdtempSync(path.join(parent, '.switchyard-test-'));
  try {
    return await run(path.join(directory, 'result.json'));
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

/** 0 for a file that does not exist yet. */
function ageOf(file) {
  const { mtimeMs = Date.now() } = fs.statSync(file, { throwIfNoEntry: false }) ?? {};
  return Date.now() - mtimeMs;
}

/** Undefined when Jest died before it wrote one. */
function readReport(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
