import * as path from 'node:path';

import { ROOT } from './bootstrap.mjs';
import { runCommand } from './run-command.mjs';

const SUMMARY = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/;

/** The counts in the last line of a test run, or undefined when that is no summary. */
export function readSummary(output) {
  const found = SUMMARY.exec(output.trimEnd().split('\n').at(-1) ?? '');
  if (found === null) return undefined;
  const [passed, failed, skipped] = found.slice(1).map((digits) => Number(digits ?? 0));
  return { passed, failed, skipped };
}

/**
 * Runs a script of the project that ends with `N passed, N failed`, and resolves with these counts. A run without
 * that line, or with an exit code and no failure, counts as one more failure.
 *
 * @param run `node` is another executable than that of this process
 * @param onOutput receives its output
 */
export async function runScript({ script, args = [], env, node = process.execPath }, onOutput) {
  let output = '';
  const code = await runCommand(node, [path.join(ROOT, script), ...args], {
    stdout: 'pipe',
    stderr: 'pipe',
    env,
    onOutput: (data) => {
      output += data;
      onOutput(data);
    },
  });
  const counts = readSummary(output) ?? { passed: 0, failed: 0, skipped: 0 };
  const isMuteFailure = code !== 0 && counts.failed === 0;
  return { ...counts, failed: counts.failed + (isMuteFailure || counts.passed === 0 ? 1 : 0) };
}
