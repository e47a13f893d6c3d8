/** The one gate: runs every step, prints a line for each, and the output of those that fail. */
import * as path from 'node:path';

import { prepare, ROOT } from './bootstrap.mjs';
import { runCommand } from './run-command.mjs';

await prepare();

const inModules = (...parts) => path.join(ROOT, 'node_modules', ...parts);
const TYPESCRIPT = ['--import', '@swc-node/register/esm-register'];

const STEPS = [
  ['assets', [path.join('scripts', 'build-assets.mjs'), '--check']],
  ['format', [inModules('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level=warn', '.']],
  ['lint', [inModules('eslint', 'bin', 'eslint.js'), '--max-warnings=0', '.']],
  ['types', [inModules('typescript', 'bin', 'tsc'), '--noEmit', '-p', '.']],
  ['layers', [inModules('dependency-cruiser', 'bin', 'dependency-cruise.mjs'), 'src', '--output-type=err']],
  ['unused', [inModules('knip', 'bin', 'knip.js'), '--no-progress']],
  ['reference', [...TYPESCRIPT, path.join('scripts', 'generate-config-docs.ts'), '--check']],
  ['guarantees', [...TYPESCRIPT, path.join('scripts', 'generate-guarantees.ts'), '--check']],
  ['package', [path.join('scripts', 'check-package.mjs')]],
];

let failed = 0;
let next = 0;
const worker = async () => {
  while (next < STEPS.length) await runStep(...STEPS[next++]);
};
await Promise.all([worker(), worker()]);
console.log(
  failed === 0 ? `All ${STEPS.length} checks passed.` : `${failed} of ${STEPS.length} checks failed.`,
);
process.exitCode = failed === 0 ? 0 : 1;

async function runStep(name, args) {
  const startedAt = performance.now();
  let output = '';
  const code = await runCommand(process.execPath, args, {
    stdout: 'pipe',
    stderr: 'pipe',
    onOutput: (data) => (output += data),
  });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(11)} ${seconds.padStart(6)} s`);
  if (code === 0) return;
  failed += 1;
  console.log(output.trimEnd());
}
