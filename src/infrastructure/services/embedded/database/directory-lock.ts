import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { repeatEvery } from '../../../../core/messaging/ports/clock.js';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { pause } from '../../../../core/messaging/transport-kit/backoff.js';
import { isRunning, ownIdentity, type ProcessIdentity } from './process-identity.js';
import { OWNER_ONLY_FILE } from './secure-directory.js';

const FILE = 'switchyard.lock';
const TAKEOVER = 'switchyard.lock.takeover';
/** The holder touches the file this often. */
const HEARTBEAT_MS = 2_000;
/** A holder that cannot be looked up and did not touch the file for this long is taken for dead. */
const STALE_AFTER_MS = 15_000;
const POLL_MS = 250;
/** An old time on the file proves nothing before a heartbeat was due: the clock of its holder, or ours, may be wrong. */
const WATCH_MS = 2 * HEARTBEAT_MS + POLL_MS;

interface Holder extends ProcessIdentity {
  readonly token: string;
}

/** What the heartbeat reports to the holder of a lock. */
export interface LockListener {
  /**
   * The directory is not ours any more.
   *
   * @param taken true when another process took it over because this one did not run for a while; false when the lock,
   *   or the directory, was removed.
   */
  readonly lost: (taken: boolean) => void;
  /** @param error why the file could not be touched, or nothing when it was. */
  readonly touched: (error: Error | undefined) => void;
}

/**
 * Keeps a directory to one process at a time.
 *
 * A lock whose process is gone is taken over at once. Where that cannot be known (another machine or container), the
 * lock counts until its holder has not touched it for 15 s; acquiring waits for that and gives up as soon as it sees
 * a touch.
 */
export class DirectoryLock {
  readonly #path: string;
  readonly #token: string;
  readonly #listener: LockListener;
  readonly #endHeartbeat: () => void;

  private constructor(path: string, token: string, listener: LockListener) {
    this.#path = path;
    this.#token = token;
    this.#listener = listener;
    this.#endHeartbeat = repeatEvery(HEARTBEAT_MS, () => void this.#touch());
  }

  /**
   * @throws MessagingError `DIRECTORY_IN_USE` naming the holder.
   */
  static async acquire(directory: string, listener: LockListener): Promise<DirectoryLock> {
    const path = join(directory, FILE);
    const holder: Holder = { ...ownIdentity(), token: randomUUID() };
    for (;;) {
      if (createLock(path, holder)) return new DirectoryLock(path, holder.token, listener);
      const current = readLock(path);
      if (!current) continue; // it was released this moment
      if (!(await isDead(path, current, holder))) throw inUse(directory, current, holder);
      takeOver(join(directory, TAKEOVER), path, current);
      await pause(10); // leaves the turn to the process that holds the guard
    }
  }

  /** Releases the directory. Idempotent. */
  release(): void {
    this.#endHeartbeat();
    if (readLock(this.#path)?.token === this.#token) unlinkSync(this.#path);
  }

  async #touch(): Promise<void> {
    const holder = readLock(this.#path);
    if (holder?.token !== this.#token) {
      this.#endHeartbeat();
      this.#listener.lost(holder !== undefined);
      return;
    }
    const now = new Date();
    await utimes(this.#path, now, now).then(
      () => this.#listener.touched(undefined),
      (error: unknown) => this.#listener.touched(error as Error),
    );
  }
}

function createLock(path: string, holder: Holder): boolean {
  const draft = `${path}.${holder.token}`;
  writeFileSync(draft, JSON.stringify(holder), { mode: OWNER_ONLY_FILE, flag: 'wx' });
  try {
    // A link appears with its content or not at all; creating and then writing would show an empty lock in between.
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

function readLock(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { pid: 0, startedAt: '', bootId: '', pidNamespace: '', token: 'unreadable' };
  }
}

async function isDead(path: string, current: Holder, self: Holder): Promise<boolean> {
  const running = isRunning(current, self);
  if (running !== undefined) return !running;
  const firstSeen = touchedAt(path);
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const touched = touchedAt(path);
    if (touched !== firstSeen) return false;
    const isOld = waitedMs >= WATCH_MS && Date.now() - touched > STALE_AFTER_MS;
    if (isOld || waitedMs > STALE_AFTER_MS) return true;
    await pause(POLL_MS);
  }
}

function touchedAt(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

/** Removes a dead lock, unless it is another one by now. The directory makes sure that only one process does so. */
function takeOver(guard: string, path: string, dead: Holder): void {
  try {
    mkdirSync(guard, { mode: 0o700 });
  } catch {
    // Another process is taking it, or died while taking it.
    if (Date.now() - touchedAt(guard) > STALE_AFTER_MS) rmdirQuietly(guard);
    return;
  }
  try {
    if (readLock(path)?.token === dead.token) unlinkSync(path);
  } finally {
    rmdirQuietly(guard);
  }
}

function rmdirQuietly(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Another process removed it first, which is as good.
  }
}

function inUse(directory: string, current: Holder, self: Holder): MessagingError {
  const own = current.pid === self.pid && current.startedAt === self.startedAt;
  const who = own ? `this process (${current.pid}) itself` : `process ${current.pid}`;
  return new MessagingError(
    'DIRECTORY_IN_USE',
    `The directory ${directory} is in use by ${who}. ` +
      (own
        ? 'Give every embedded transport and store a directory of its own.'
        : 'Stop that process, or configure another directory: one process at a time can use it.'),
  );
}
