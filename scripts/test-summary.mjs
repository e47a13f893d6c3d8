import * as path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** Lines of a failure message of Jest that are shown. */
const REASON_LINES = 4;
const REASON_LENGTH = 400;

/**
 * Adds up what Jest reported. A suite that could not run and a run of Jest that died without a report count as one
 * failure each; so does, with `strictSkips`, a file of which every test was skipped and one for which a server is
 * `missing`. File names are relative to `root`, or to the root in the result.
 */
export function summarize(results, { strictSkips, root }) {
  const summary = { passed: 0, failed: 0, skipped: 0, lines: [], failures: [] };
  for (const result of results) {
    if (result.missing !== undefined) {
      addMissing(summary, result, strictSkips);
      continue;
    }
    if (result.report === undefined) {
      fail(summary, `Group "${result.name}" died without a report (${result.code}).`);
      continue;
    }
    const failedBefore = summary.failed;
    for (const file of result.report.testResults)
      addFile(summary, file, strictSkips, path.relative(result.root ?? root, file.name));
    if (result.code !== 0 && summary.failed === failedBefore) {
      const why =
        result.code === 'SIGKILL' ? ': a test has not closed a resource, which kept Jest from ending' : '';
      fail(summary, `Group "${result.name}" ended with ${result.code} although no test failed${why}.`);
    }
  }
  // Last, because often only the end of a long log is kept.
  const { failures, ...sums } = summary;
  return { ...sums, lines: [...summary.lines, ...failures] };
}

/** The summary with the counts of a script added, which prints its failures itself. */
export function addCounts(summary, { name, passed, failed, skipped }) {
  return {
    passed: summary.passed + passed,
    failed: summary.failed + failed,
    skipped: summary.skipped + skipped,
    lines: [
      ...summary.lines,
      ...(failed === 0 ? [] : [`failed: ${name}: ${failed} of its checks, see above`]),
    ],
  };
}

/** The last line of every run. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}

/** For people: `48 s`, `11 min 2 s`. */
export function durationText(ms) {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function addMissing(summary, { file, missing }, strictSkips) {
  if (strictSkips) fail(summary, `failed: ${file} could not run: ${missing}`);
  else {
    summary.skipped += 1;
    summary.lines.push(`skipped: ${file}: ${missing}`);
  }
}

function addFile(summary, file, strictSkips, name) {
  const of = (...states) => file.assertionResults.filter(({ status }) => states.includes(status));
  const failures = of('failed');
  const skips = of('pending', 'todo', 'skipped', 'disabled');
  const passed = of('passed').length;
  summary.passed += passed;
  summary.skipped += skips.length;
  for (const failure of failures) fail(summary, `failed: ${name}: ${failure.fullName}${reasonOf(failure)}`);
  for (const { fullName } of skips) summary.lines.push(`skipped: ${name}: ${fullName}`);
  if (file.status === 'failed' && failures.length === 0) fail(summary, `failed: ${name} could not run.`);
  if (strictSkips && passed === 0 && failures.length === 0 && skips.length > 0) {
    fail(summary, `failed: ${name} skipped every test, which on CI means that a server is missing.`);
  }
}

function fail(summary, line) {
  summary.failed += 1;
  summary.failures.push(line);
}

/** The output of Jest is far above, and CI may truncate it. */
function reasonOf({ failureMessages }) {
  const plain = stripVTControlCharacters(failureMessages?.[0] ?? '');
  const said = plain.split('\n').map((line) => line.trim());
  const text = said
    .filter((line) => line !== '')
    .slice(0, REASON_LINES)
    .join(' | ');
  return text === '' ? '' : `: ${text.slice(0, REASON_LENGTH)}`;
}
