import * as fs from 'node:fs';

const LOOK_EVERY_MS = 100;
const DRAIN_MS = 1_000;

/**
 * Ends this process when the npm that started it is gone.
 *
 * Nobody tells a process that its parent was killed with SIGKILL: it would go on unseen, with the port and the data
 * directory, and the next start would find both taken. It gets a second to drain and is then killed, which loses nothing
 * because nothing is acknowledged before it is stored.
 */
export function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const grandparent = isShell(parent) ? parentOf(parent) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === parent && (grandparent === undefined || parentOf(parent) === grandparent)) return;
    clearInterval(timer);
    console.error('npm is gone, so this process ends too.');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), DRAIN_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_EVERY_MS);
  timer.unref();
}

/** npm runs scripts through a shell; some replace themselves by the command and some stay in between. */
function isShell(pid) {
  try {
    return /^(sh|dash|bash|ash|zsh|busybox)$/.test(fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  } catch {
    return false;
  }
}

function parentOf(pid) {
  try {
    return Number(/^PPid:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}
