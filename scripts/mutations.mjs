/**
 * `npm run mutations`: plants the defects of `test/proof/mutations.mjs` into copies of the project; the tests must
 * detect each. Ends with the line `N passed, N failed`. A defect whose broker is missing is skipped, which counts
 * as failed on CI.
 *
 *   npm run mutations -- kafka spool     those whose name contains one of the words
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { MUTATIONS } from '../test/proof/mutations.mjs';
import { prepare, ROOT } from './bootstrap.mjs';
import { provideBrokers } from './brokers.mjs';
import { capture } from './capture.mjs';

const COPIED = ['config', 'package.json', 'jest.config.mjs', 'src', 'scripts', 'test', 'tsconfig.json'];
const words = process.argv.slice(2);
const chosen = MUTATIONS.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);

await prepare({ build: false });
const brokers = await provideBrokers([...new Set(chosen.flatMap(({ needs }) => needs))], {
  containers: false,
});
const counts = { passed: 0, failed: 0, skipped: 0 };
const needsBroker = ({ needs }) => needs.length > 0;
// Most of their time is waiting. Those with brokers run one after the other, so that only one kind of broker runs
// at a time.
await Promise.all([
  tryOutAll(chosen.filter(needsBroker)),
  tryOutAll(chosen.filter((mutation) => !needsBroker(mutation))),
]);
const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`;
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

async function tryOutAll(mutations) {
  for (const mutation of mutations) {
    const startedAt = performance.now();
    const verdict = await tryOut(mutation);
    if (verdict.isSkipped) counts.skipped += 1;
    else counts[verdict.isFine ? 'passed' : 'failed'] += 1;
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
    console.log(`${verdict.text.padEnd(10)} ${mutation.name} (${seconds} s)`);
    if (!verdict.isFine) console.log(verdict.output ?? '');
  }
}

async function tryOut({ file, find, replace, needs, jest, soak }) {
  const missing = needs.find((need) => brokers[need].state === 'missing');
  if (missing)
    return {
      isFine: false,
      isSkipped: process.env.CI !== 'true',
      text: 'skipped',
      output: brokers[missing].reason,
    };
  const source = readFileSync(path.join(ROOT, file), 'utf8');
  if (source.split(find).length !== 2)
    return { isFine: false, text: 'STALE', output: `${file} should contain exactly once: ${find}` };
  const copy = mkdtempSync(path.join(os.tmpdir(), 'switchyard-mutation-'));
  try {
    for (const name of COPIED) cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
    writeFileSync(
      path.join(copy, file),
      source.replace(find, () => replace),
    );
    return jest ? await runJest(copy, jest) : await runSoak(copy, soak);
  } finally {
    rmSync(copy, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A failing test detects the defect; a suite that cannot run would fail for every mutation. */
async function runJest(cwd, args) {
  const report = path.join(cwd, 'report.json');
  const options = ['--runInBand', '--json', `--outputFile=${report}`, '--forceExit'];
  const { output } = await capture(
    process.execPath,
    [path.join('node_modules', 'jest', 'bin', 'jest.js'), ...args, ...options],
    { cwd },
  );
  const { numFailedTests = 0, numRuntimeErrorTestSuites = 1 } = readReport(report);
  const isNoticed = numFailedTests > 0 && numRuntimeErrorTestSuites === 0;
  return { isFine: isNoticed, text: isNoticed ? 'noticed' : 'NOT NOTICED', output };
}

async function runSoak(cwd, args) {
  const { output } = await capture(
    process.execPath,
    [
      '--import',
      '@swc-node/register/esm-register',
      'scripts/soak.ts',
      ...args,
      '--quiet',
      '1',
      '--recover',
      '20',
    ],
    { cwd },
  );
  const problem = /PROBLEM (.*?):/.exec(output)?.[1];
  return {
    isFine: problem !== undefined,
    text: problem === undefined ? 'NOT NOTICED' : `noticed, ${problem}`,
    output,
  };
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}
