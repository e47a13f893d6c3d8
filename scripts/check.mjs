/**
 * The one gate: runs every step, prints a line for each, and the output of those that fail.
 *
 *   npm run check                 all of them
 *   npm run check -- lint types   these
 */
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
  ['surface', [path.join('scripts', 'public-surface.mjs'), '--check']],
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !STEPS.some(([step]) => step === name));
if (unknown.length > 0) {
  console.error(
    `There is no check ${unknown.join(', ')}, but there are: ${STEPS.map(([name]) => name).join(', ')}.`,
  );
  process.exit(2);
}
const steps = STEPS.filter(([name]) => wanted.length === 0 || wanted.includes(name));
let failed = 0;
let next = 0;
const worker = async () => {
  while (next < steps.length) await runStep(...steps[next++]);
};
await Promise.all([worker(), worker()]);
console.log(`${steps.length - failed} passed, ${failed} failed`);
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
