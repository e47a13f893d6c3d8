/**
 * Compares transports with the bare clients of their brokers: `npm run bench -- embedded --quick --json`. Without a
 * name it runs all benchmarks. It provides their brokers as `npm test` does.
 *
 * Ends with 1 when a figure is below its floor, or a broker is missing.
 */
import * as path from 'node:path';

import { BENCH_NEEDS } from '../bench/needs.mjs';
import { prepare, ROOT } from './bootstrap.mjs';
import { provideBrokers } from './brokers.mjs';
import { runCommand } from './run-command.mjs';

await prepare({ build: false });
const wanted = process.argv.slice(2);
const names = wanted.filter((arg) => !arg.startsWith('--'));
const needs = (names.length > 0 ? names : Object.keys(BENCH_NEEDS)).flatMap(
  (name) => BENCH_NEEDS[name] ?? [],
);
const brokers = await provideBrokers(needs, { containers: false });
const missing = Object.values(brokers).flatMap(({ reason }) => reason ?? []);
for (const reason of missing) console.error(reason);
if (missing.length > 0) process.exit(1);

const args = [
  '--expose-gc',
  '--import',
  '@swc-node/register/esm-register',
  path.join(ROOT, 'bench', 'run.ts'),
  ...wanted,
];
const result = await runCommand(process.execPath, args);
process.exitCode = typeof result === 'number' ? result : 1;
