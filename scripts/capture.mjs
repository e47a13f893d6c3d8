import { spawn } from 'node:child_process';

/**
 * Runs a command and resolves with its exit code as `status` (or the name of the signal that ended it) and its
 * output as `output`. A command that cannot be started has the status `undefined`.
 */
export function capture(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.once('error', (error) => resolve({ status: undefined, output: error.message }));
    child.once('close', (code, signal) => resolve({ status: code ?? signal, output }));
  });
}
