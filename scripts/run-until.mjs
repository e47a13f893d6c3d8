import { spawn } from 'node:child_process';

import { ROOT } from './bootstrap.mjs';

/**
 * Runs a command of the project in a process group of its own, and at `deadlineMs` (of `performance.now()`) ends
 * that group, including the servers of its tests. Resolves with its exit code (or signal), all its output, and
 * whether it was `ended`. Its output is printed. A signal that ends this process ends the group as well.
 */
export function runUntil(command, args, deadlineMs) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let ended = false;
    const end = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    };
    const stop = (signal) => {
      end();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    const timer = setTimeout(
      () => {
        ended = true;
        end();
      },
      Math.max(0, deadlineMs - performance.now()),
    );
    for (const stream of ['stdout', 'stderr'])
      child[stream].on('data', (data) => {
        if (stream === 'stdout') output += data;
        process[stream].write(data);
      });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve({ code: code ?? signal, output, ended });
    });
  });
}
