import * as fs from 'node:fs';

const LOOK_EVERY_MS = 100;
const DRAIN_MS = 1_000;

/**
 * Ends this process when the npm that started it has exited.
 *
 * A process is not notified when its parent is killed with SIGKILL: it would keep the port and the data directory,
 * and the next start would fail. It has one second to drain and is then killed. No accepted message is lost,
 * because every one is stored before it is acknowledged.
 */
export function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const grandparent = isShell(parent) ? parentOf(parent) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === parent && (grandparent === undefined || parentOf(parent) === grandparent)) return;
    clearInterval(timer);
    console.error('npm has exited, so this process ends too.');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), DRAIN_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_EVERY_MS);
  timer.unref();
}

/** npm runs scripts through a shell; some replace themselves by the command, and some stay as its parent. */
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
