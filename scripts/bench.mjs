/**
 * Measures against the bare clients: `npm run bench -- embedded --quick --json`. Without a name, everything.
 *
 * Ends with 1 when a figure is below its floor.
 */
import * as path from 'node:path';

import { prepare, ROOT } from './bootstrap.mjs';
import { runCommand } from './run-command.mjs';

await prepare({ build: false });
const args = [
  '--expose-gc',
  '--import',
  '@swc-node/register/esm-register',
  path.join(ROOT, 'bench', 'run.ts'),
  ...process.argv.slice(2),
];
const result = await runCommand(process.execPath, args);
process.exitCode = typeof result === 'number' ? result : 1;
