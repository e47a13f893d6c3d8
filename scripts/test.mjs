/**
 * Runs the tests and ends with the line `N passed, N failed`, and the number of skipped ones if there are any.
 *
 *   npm test                      everything
 *   npm test -- embedded          what Jest finds for these arguments
 *   npm test -- --group redis     one group, see test-groups.mjs
 *   npm run test:quick            pure specs, conformance of the memory transport and architecture, in under a minute
 *
 * The brokers that the wanted specs need are provided first, see brokers.mjs. Without one, its specs are skipped, which
 * counts as failed on CI.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parseArgs } from 'node:util';

import { prepare, ROOT } from './bootstrap.mjs';
import { provideBrokers } from './brokers.mjs';
import { capture } from './capture.mjs';
import { runCommand } from './run-command.mjs';
import { groupsOf, needsOf, quickFilesOf } from './test-groups.mjs';
import { summarize } from './test-summary.mjs';

const JEST = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
/** A run of Jest that is done and does not end so long after is held up by something that a test has left behind. */
const END_TIMEOUT_MS = 60_000;
/** Where the service `tests` of docker-compose.yml has the project. */
const CONTAINER_ROOT = '/app';

/** Scripts that prove the tests. */
const PROOFS = ['seed-faults.mjs', 'mutations.mjs'];

const { quick, group: wantedGroup, report: reportFile, jestArgs } = parseArguments(process.argv.slice(2));
const full = !quick && wantedGroup === undefined && jestArgs.length === 0;

let summarized = false;
// Whatever ends this process early (a failed install or build, a signal) must not look like a run without failures.
process.once('exit', () => {
  if (!summarized) console.log('0 passed, 1 failed');
});

await prepare({ build: !quick });
if (!quick && reportFile === undefined) keepMeasured();
const groups = await wantedGroups();
const brokers = await provideBrokers(
  groups.flatMap(({ needs }) => needs),
  { containers: reportFile === undefined },
);
for (const { reason } of Object.values(brokers)) if (reason) console.error(`\n*** ${reason}\n`);

const results = [];
for (const group of groups) results.push(...(await runGroup(group)));
const brokenProofs = [];
if (full) for (const script of PROOFS) if (!(await isProven(script))) brokenProofs.push(script);

const summary = summarize(results, { strictSkips: process.env.CI === 'true', root: ROOT });
summary.failed += brokenProofs.length;
for (const line of summary.lines) console.log(line);
for (const script of brokenProofs)
  console.log(`failed: ${script}: not every planted fault was noticed, see above`);
const skipped = summary.skipped === 0 ? '' : `, ${summary.skipped} skipped`;
console.log(`${summary.passed} passed, ${summary.failed} failed${skipped}`);
summarized = true;
process.exitCode = summary.failed === 0 && summary.passed > 0 ? 0 : 1;

/** Where tests leave what they measure, for `npm run docs:guarantees`. A full run begins anew. */
function keepMeasured() {
  const file = path.join(ROOT, '.measured', 'run.jsonl');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  if (full) fs.rmSync(file, { force: true });
  process.env.MEASURED_FILE ??= file;
}

/** Our own options are taken out, and all others are for Jest. */
function parseArguments(args) {
  const options = { quick: { type: 'boolean' }, group: { type: 'string' }, report: { type: 'string' } };
  const { values, tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const own = new Set();
  for (const token of tokens) {
    if (token.kind !== 'option' || !Object.hasOwn(options, token.name)) continue;
    own.add(token.index);
    if (token.value !== undefined && !token.inlineValue) own.add(token.index + 1);
  }
  return { ...values, jestArgs: args.filter((_, index) => !own.has(index)) };
}

/** Runs of Jest, with the files of each. */
async function wantedGroups() {
  const files = await listFiles(wantedGroup === undefined ? jestArgs : []);
  if (full) return groupsOf(files);
  if (wantedGroup !== undefined) return groupNamed(wantedGroup, groupsOf(files));
  if (quick && jestArgs.length === 0)
    return [{ name: 'quick', needs: [], files: quickFilesOf(files), args: ['--maxWorkers=2'] }];
  const needs = [...new Set(files.flatMap(needsOf))];
  return [{ name: 'chosen', needs, files, args: ['--runInBand', ...jestArgs], byArguments: true }];
}

function groupNamed(name, all) {
  const found = all.filter((group) => group.name === name);
  if (found.length > 0) return found;
  console.error(`There is no group "${name}", but there are: ${all.map((group) => group.name).join(', ')}.`);
  process.exit(1);
}

/** What Jest would run, relative to the project. */
async function listFiles(args) {
  const { status, output } = await capture(
    process.execPath,
    [JEST, '--listTests', '--passWithNoTests', ...args],
    { cwd: ROOT },
  );
  if (status !== 0) {
    console.error(output);
    process.exit(1);
  }
  const prefix = ROOT + path.sep;
  return output
    .split('\n')
    .filter((line) => line.startsWith(prefix) && line.endsWith('.spec.ts'))
    .map((line) => line.slice(prefix.length).split(path.sep).join('/'));
}

/** Resolves with results for the summary. */
async function runGroup(group) {
  const states = (file) => needsOf(file).map((need) => brokers[need]);
  const missing = group.files.filter((file) => states(file).some(({ state }) => state === 'missing'));
  const skips = missing.map((file) => ({
    name: group.name,
    file,
    missing: states(file).find(({ reason }) => reason).reason,
  }));
  if (missing.length === group.files.length && missing.length > 0) return skips;
  console.log(`--- ${group.name}`);
  const run = group.needs.some((need) => brokers[need].state === 'container') ? runInContainer : runHere;
  return [...skips, await run(group, missing)];
}

function runHere({ name, files, args, byArguments }, missing) {
  return withReport(os.tmpdir(), async (file) => {
    const report = reportFile ?? file;
    const paths = byArguments
      ? pathsWithout(missing)
      : ['--runTestsByPath', ...files.filter((each) => !missing.includes(each))];
    const code = await runCommand(
      process.execPath,
      [JEST, '--json', `--outputFile=${report}`, '--passWithNoTests', ...args, ...paths],
      {
        stdout: 'ignore', // the same JSON again; the report for people goes to standard error
        isOverdue: () => ageOf(report) > END_TIMEOUT_MS,
      },
    );
    return { name, code, report: readReport(report) };
  });
}

/** Replaces what the configuration of Jest leaves out, so that has to be said again. */
function pathsWithout(missing) {
  if (missing.length === 0) return [];
  const patterns = ['/node_modules/', '/seeded-faults/', ...missing.map(escapePattern)];
  return patterns.map((pattern) => `--testPathIgnorePatterns=${pattern}`);
}

/** The same in a container in which packages can be installed. */
function runInContainer({ name, args, byArguments }) {
  return withReport(ROOT, async (file) => {
    const inside = file.replace(ROOT, CONTAINER_ROOT);
    const what = byArguments ? args : ['--group', name];
    const code = await runCommand('docker', [
      ...['compose', 'run', '--rm', '-T', '-e', 'CI', 'tests', 'node', 'scripts/test.mjs'],
      ...['--report', inside, ...what],
    ]);
    return { name, code, report: readReport(file), root: CONTAINER_ROOT };
  });
}

async function withReport(parent, run) {
  const directory = fs.mkdtempSync(path.join(parent, '.switchyard-test-'));
  try {
    return await run(path.join(directory, 'result.json'));
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function escapePattern(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** 0 for a file that is not there yet. */
function ageOf(file) {
  const { mtimeMs = Date.now() } = fs.statSync(file, { throwIfNoEntry: false }) ?? {};
  return Date.now() - mtimeMs;
}

/** Undefined when Jest died before it could write one. */
function readReport(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The tests have to go red for every fault that the script plants. */
async function isProven(script) {
  console.log(`--- ${path.basename(script, '.mjs')}`);
  const code = await runCommand(process.execPath, [path.join(ROOT, 'scripts', script)], {
    stdout: 'inherit',
  });
  return code === 0;
}
