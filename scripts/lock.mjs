import * as fs from 'node:fs';
import * as os from 'node:os';

const HEARTBEAT_MS = 2_000;
/** Ten missed heartbeats: the holder has ended, even if another process has its process number. */
const STALE_MS = 20_000;
const LONGEST_WAIT_MS = 15 * 60_000;
/** A process number is valid only on its machine or in its container, and others may share the directory. */
const SELF = `${process.pid}@${os.hostname()}`;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `work` while no other process runs something under the same lock file. */
export async function withLock(file, work) {
  await acquire(file);
  const heartbeat = setInterval(() => fs.utimes(file, new Date(), new Date(), () => {}), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    fs.rmSync(file, { force: true });
  }
}

async function acquire(file) {
  const giveUpAt = Date.now() + LONGEST_WAIT_MS;
  for (let told = false; Date.now() < giveUpAt; await sleep(100)) {
    if (await take(file)) return;
    if (isStale(file)) fs.rmSync(file, { force: true });
    else if (!told) {
      told = true;
      console.error('Waiting for another command that is installing or building ...');
    }
  }
  throw new Error(`${file} is held by another process. Delete it if no other command is running.`);
}

async function take(file) {
  try {
    fs.writeFileSync(file, SELF, { flag: 'wx' });
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  // Two processes may find the same stale file; the slower one then deletes the lock of the faster, which checks again.
  await sleep(50);
  return holderOf(file) === SELF;
}

function holderOf(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function isStale(file) {
  if (ageOf(file) > STALE_MS) return true;
  const [pid, host] = (holderOf(file) || '').split('@');
  if (host !== os.hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function ageOf(file) {
  try {
    return Date.now() - fs.statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}
