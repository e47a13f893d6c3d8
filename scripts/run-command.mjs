import { spawn } from 'node:child_process';

import { ROOT } from './bootstrap.mjs';

/**
 * Runs a command in the project and resolves with its exit code, or the name of the signal that ended it. Signals that
 * reach this process are passed on; it then ends with the command.
 */
export function runCommand(command, args, { stdout = 'inherit', stderr = 'inherit', onOutput } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', stdout, stderr] });
    const stop = (signal) => {
      child.kill(signal);
      child.once('close', () => process.exit(signal === 'SIGINT' ? 130 : 143));
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    child.stdout?.on('data', onOutput);
    child.stderr?.on('data', onOutput);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve(code ?? signal);
    });
  });
}
