/**
 * Runs the tests and ends with the line `N passed, N failed`, and the number of skipped ones if there are any.
 *
 *   npm test                  everything
 *   npm test -- embedded      what Jest finds for these arguments
 *   npm run test:quick        pure specs, conformance of the memory transport and architecture, in under a minute
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { prepare, ROOT } from './bootstrap.mjs';
import { runCommand } from './run-command.mjs';
import { summarize } from './test-summary.mjs';

/** Pure specs share the machine; what measures time or kills processes has it for itself. */
const GROUPS = [
  { name: 'units and architecture', paths: ['src/', 'test/architecture/'], args: ['--maxWorkers=2'] },
  { name: 'conformance', paths: ['test/conformance/'], args: ['--runInBand'] },
  { name: 'end to end', paths: ['test/e2e/'], args: ['--runInBand'] },
  // Silent, because lmdb writes a line for every write that fails, at times on the console of a file that is done, and Jest
  // fails a run in which that happens.
  { name: 'faults', paths: ['test/faults/'], args: ['--runInBand', '--silent'] },
];
const QUICK = [
  {
    name: 'quick',
    paths: ['src/', 'test/architecture/', 'test/conformance/[^/]*memory[^/]*\\.spec\\.ts$'],
    args: ['--maxWorkers=2'],
  },
];

const given = process.argv.slice(2);
const quick = given.includes('--quick');
const jestArgs = given.filter((arg) => arg !== '--quick');
const full = !quick && jestArgs.length === 0;

let summarized = false;
// Whatever ends this process early (a failed install or build, a signal) must not look like a run without failures.
process.once('exit', () => {
  if (!summarized) console.log('0 passed, 1 failed');
});

await prepare({ build: !quick });
const runs = full
  ? GROUPS
  : quick && jestArgs.length === 0
    ? QUICK
    : [{ name: 'chosen', paths: [], args: ['--runInBand', ...jestArgs] }];
const results = [];
for (const group of runs) results.push(await runGroup(group));
const seeded = full ? await runSeededFaults() : true;

const summary = summarize(results, { strictSkips: process.env.CI === 'true', root: ROOT });
if (!seeded) summary.failed += 1;
for (const line of summary.lines) console.log(line);
const skipped = summary.skipped === 0 ? '' : `, ${summary.skipped} skipped`;
console.log(`${summary.passed} passed, ${summary.failed} failed${skipped}`);
summarized = true;
process.exitCode = summary.failed === 0 && summary.passed > 0 ? 0 : 1;

async function runGroup({ name, paths, args }) {
  console.log(`--- ${name}`);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-test-'));
  const file = path.join(directory, 'result.json');
  try {
    // Anchored: the project itself may lie in a directory that is called src.
    const patterns = paths.map((pattern) => `--testPathPatterns=^${escapePattern(ROOT)}/${pattern}`);
    const jest = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
    const code = await runCommand(
      process.execPath,
      [jest, '--json', `--outputFile=${file}`, '--passWithNoTests', ...patterns, ...args],
      { stdout: 'ignore' }, // the same JSON again; the report for people goes to standard error
    );
    return { name, code, report: readReport(file) };
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function escapePattern(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Undefined when Jest died before it could write one. */
function readReport(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Proves the conformance suite: it has to go red for every fault that the script plants into a transport. */
async function runSeededFaults() {
  const script = path.join(ROOT, 'scripts', 'seed-faults.mjs');
  console.log('--- seeded faults');
  return (await runCommand(process.execPath, [script], { stdout: 'inherit' })) === 0;
}
