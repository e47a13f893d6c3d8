/**
 * What CI runs: the gate, then `npm test`, then groups of `npm run test:full` that are stale, while time remains.
 * Ends with the line `N passed, N failed`. It records nothing; `npm run test:full` does.
 */
import { prepare, ROOT } from './bootstrap.mjs';
import { FullRuns } from './full-runs.mjs';
import { readSummary } from './run-script.mjs';
import { runUntil } from './run-until.mjs';
import { END_AT_MS, runStale } from './stale-groups.mjs';
import { GROUPS, isInNpmTest, planned, specFiles } from './test-plan.mjs';
import { addCounts, durationText, summaryLine } from './test-summary.mjs';

const startedAt = performance.now();
let summarized = false;
process.once('exit', () => {
  if (!summarized) console.log('0 passed, 1 failed');
});

await prepare();
let summary = { passed: 0, failed: 0, skipped: 0, lines: [] };
const gate = await node('scripts/check.mjs');
if (gate.code !== 0) summary = addFailure(summary, 'The gate (npm run check) failed, see above.');
const tests = await node('scripts/test.mjs');
summary = addCounts(summary, { name: 'npm test', ...countsOf(tests, 'npm test') });

// A complete run by npm test replaces the record of an earlier run.
const groups = planned(GROUPS, specFiles(ROOT)).filter((group) => !isInNpmTest(group));
const { counts, left } = await runStale(new FullRuns(ROOT).stale(groups), {
  elapsedMs: () => performance.now() - startedAt,
  runOne: async ({ name }) => {
    const done = await node('scripts/test-full.mjs', '--group', name, '--no-record');
    return done.ended ? undefined : countsOf(done, name);
  },
});
summary = counts.reduce(addCounts, summary);
for (const line of [...left, ...summary.lines]) console.log(line);
console.log(`.ci/run took ${durationText(performance.now() - startedAt)}`);
console.log(summaryLine(summary));
summarized = true;
process.exitCode = summary.failed === 0 && summary.passed > 0 ? 0 : 1;

function node(script, ...args) {
  return runUntil(process.execPath, [`${ROOT}/${script}`, ...args], startedAt + END_AT_MS);
}

/** A run without a summary, or with an exit code and no failure, counts as one failure. */
function countsOf({ code, output, ended }, name) {
  if (ended) console.log(`${name} was not finished when the time limit was reached.`);
  const counts = readSummary(output) ?? { passed: 0, failed: 1, skipped: 0 };
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function addFailure(before, line) {
  return { ...before, failed: before.failed + 1, lines: [...before.lines, line] };
}
