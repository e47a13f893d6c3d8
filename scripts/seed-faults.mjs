/**
 * Proves that the conformance suite notices what it is there to notice: plants faults into a transport, one after the
 * other, and wants the suite to fail for each. Ends with the line `N passed, N failed`.
 */
import * as path from 'node:path';
import { spawn } from 'node:child_process';

import { prepare, ROOT } from './bootstrap.mjs';

/** A fault that hangs the suite counts as noticed only if Jest says so by then. */
const LIMIT_MS = 120_000;
const SPEC = 'test/conformance/seeded-faults/seeded.spec.ts';

await prepare({ build: false });
const faults = await listFaults();
let unnoticed = 0;
for (const { name, topic } of faults) {
  const startedAt = performance.now();
  const { code, failed } = await runSuite(name, topic);
  const noticed = code === 1 && failed > 0;
  if (!noticed) unnoticed += 1;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `${noticed ? 'noticed  ' : 'UNNOTICED'} ${name} (${failed} failed in "${topic}", ${seconds} s)`,
  );
}
console.log(`${faults.length - unnoticed} passed, ${unnoticed} failed`);
process.exitCode = unnoticed === 0 && faults.length > 0 ? 0 : 1;

async function listFaults() {
  const script = `import { SEEDED_FAULTS } from ${JSON.stringify(path.join(ROOT, 'test/conformance/seeded-faults/faults.ts'))};
    console.log(JSON.stringify(Object.entries(SEEDED_FAULTS).map(([name, { topic }]) => ({ name, topic }))));`;
  const args = ['--import', '@swc-node/register/esm-register', '--input-type=module', '--eval', script];
  const { output } = await run(args, {});
  return JSON.parse(output.trim().split('\n').at(-1) ?? '[]');
}

async function runSuite(name, topic) {
  const jest = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const args = [
    jest,
    '--json',
    '--runInBand',
    '--testPathIgnorePatterns=/node_modules/',
    '-t',
    ` ${topic} `,
    SPEC,
  ];
  const { code, output } = await run(args, { SEEDED_FAULT: name, CONFORMANCE_PATIENCE_MS: '4000' });
  try {
    return { code, failed: JSON.parse(output.slice(output.indexOf('{'))).numFailedTests };
  } catch {
    return { code, failed: 0 };
  }
}

function run(args, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
