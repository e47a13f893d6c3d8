import { spawn } from 'node:child_process';

import { ROOT } from './bootstrap.mjs';

/**
 * Runs a command in the project and resolves with its exit code, or the name of the signal that ended it. Forwards
 * signals to the command, and ends when the command ends.
 *
 * @param options.isOverdue is called every second; once it returns true, the command is killed.
 */
export function runCommand(
  command,
  args,
  { cwd = ROOT, stdout = 'inherit', stderr = 'inherit', env = {}, onOutput, isOverdue = () => false } = {},
) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', stdout, stderr],
    });
    const stop = (signal) => {
      child.kill(signal);
      child.once('close', () => process.exit(signal === 'SIGINT' ? 130 : 143));
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    child.stdout?.on('data', onOutput);
    child.stderr?.on('data', onOutput);
    const watch = setInterval(() => isOverdue() && child.kill('SIGKILL'), 1_000);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearInterval(watch);
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve(code ?? signal);
    });
  });
}
