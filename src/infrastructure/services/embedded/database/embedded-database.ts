import { chmodSync, existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { settlesWithin, withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';
import { DirectoryLock, type LockListener } from './directory-lock.js';
import {
  abortedCommit,
  asDiskError,
  CommitError,
  diskIsFull,
  freeBytes,
  unflushedCommit,
} from './disk-errors.js';
import { DiskReserve } from './disk-reserve.js';
import { GroupCommit, type Submission, type Writes } from './group-commit.js';
import { type Environment, loadLmdb, type Table } from './lmdb-client.js';
import {
  assertReadable,
  CURRENT,
  decodeFormat,
  encodeFormat,
  FORMAT_KEY,
  FORMAT_TABLE,
  mayHavePlain,
  UNNUMBERED,
} from './format-record.js';
import { RecordTable } from './record-table.js';
import { DATA_FILE, preflight } from './preflight.js';
import { OWNER_ONLY_FILE, secureDirectory, writeZeros } from './secure-directory.js';

/** What lmdb maps as its lock file has to be on disk before (see `writeZeros`). */
const LOCK_FILE_BYTES = 16 * 1024;
/** The database file may grow to this multiple of what is live in it, because freed pages lie scattered. */
const MAP_FACTOR = 2;
const MAP_SPARE_BYTES = 256 * 1024 * 1024;
const CLOSE_TIMEOUT_MS = 5_000;
/** Longest wait for the reason of a failed commit. */
const REASON_TIMEOUT_MS = 1_000;
/** The live size is read again after this many commits: reading it costs a few microseconds a table. */
const SIZE_EVERY_COMMITS = 16;
/** Room inside the file that makes publishing worth a try while the disk is full. */
const REUSABLE_BYTES = 2 * 1024 * 1024;
const RESERVE_RETRY_MS = 250;
/** Free space from which a disk that was full counts as usable again. */
const ROOM_BYTES = 3 * 1024 * 1024;

export interface DatabaseOptions {
  readonly directory: string;
  readonly tables: readonly string[];
  /** Live size from which {@link EmbeddedDatabase.refusesGrowth} refuses. */
  readonly maxBytes: number;
  /** Format that records were written with which are brought into a new database. */
  readonly since?: number;
  /** Called once when the database can no longer be trusted with writes. It has to be opened again then. */
  readonly onSuspect: (error: Error) => void;
  /** Called every few seconds: with why nothing can be written into the directory, or with nothing. */
  readonly onChecked?: (error: MessagingError | undefined) => void;
}

/** One lmdb environment in a directory of its own, used by one process at a time. */
export class EmbeddedDatabase {
  readonly directory: string;
  readonly #environment: Environment;
  readonly #lock: DirectoryLock;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #format: Table;
  readonly #since: number;
  readonly #isNumbered: boolean;
  /** Whether records without a checksum are of an earlier format, and not corrupt. */
  readonly mayBePlain: boolean;
  readonly #reserve: DiskReserve;
  readonly #options: DatabaseOptions;
  readonly #commits = new GroupCommit((write) => this.#transact(write));
  #suspect: CommitError | undefined;
  #closed = false;
  #released = false;
  #commitCount = 0;
  #liveBytes = 0;
  #fileBytes = 0;
  #grownBytes = 0;
  #nextReserveTryAt = 0;

  private constructor(
    options: DatabaseOptions,
    { environment, lock }: { environment: Environment; lock: DirectoryLock },
  ) {
    this.#options = options;
    this.directory = options.directory;
    this.#environment = environment;
    this.#lock = lock;
    const tableOf = (name: string): Table =>
      environment.openDB({ name, encoding: 'binary', keyEncoding: 'binary' });
    this.#format = tableOf(FORMAT_TABLE);
    const written = this.#format.getBinary(FORMAT_KEY);
    const format = written && decodeFormat(written);
    if (format) assertReadable(options.directory, format);
    this.#tables = new Map(options.tables.map((name) => [name, tableOf(name)]));
    const isNew = !written && [...this.#tables.values()].every((table) => table.getStats().entryCount === 0);
    this.#since = format?.since ?? options.since ?? (isNew ? CURRENT : UNNUMBERED).since;
    this.#isNumbered = format?.format === CURRENT.format;
    this.mayBePlain = mayHavePlain({ ...CURRENT, since: this.#since });
    this.#reserve = new DiskReserve(options.directory);
    this.#reserve.take();
    this.#measure();
  }

  /**
   * Opens the database, creating it when it is not there.
   *
   * @throws MessagingError `DEPENDENCY_MISSING` without lmdb, `DIRECTORY_IN_USE` when another process has it,
   *   `TRANSPORT_FULL` or `TRANSPORT_UNAVAILABLE` when the directory or the disk does not allow it, `FILE_CORRUPT` when
   *   the file is not as it was written, `FORMAT_UNSUPPORTED` when a later release has written it.
   */
  static async open(options: DatabaseOptions): Promise<EmbeddedDatabase> {
    const lmdb = await loadLmdb();
    const directory = resolve(options.directory);
    secureDirectory(directory);
    // The lock may be lost before the database exists; both are reported to the same listener.
    const holder: { database?: EmbeddedDatabase } = {};
    const lock = await acquire(directory, {
      lost: (taken) => holder.database?.markSuspect(taken ? lostLock(directory) : removed(directory)),
      touched: (error) => options.onChecked?.(error && asDiskError(directory, error)),
    });
    try {
      preflight(directory);
      const path = join(directory, DATA_FILE);
      writeZeros(`${path}-lock`, LOCK_FILE_BYTES);
      const environment = lmdb.open({
        path,
        noSubdir: true,
        mapSize: mapSizeFor(options.maxBytes),
        maxDbs: options.tables.length + 2,
        permissionsMode: OWNER_ONLY_FILE,
        encoding: 'binary',
        keyEncoding: 'binary',
        // Its batches leave an unhandled rejection when a commit fails; ours do not.
        eventTurnBatching: false,
      });
      for (const file of [path, `${path}-lock`]) chmodSync(file, OWNER_ONLY_FILE);
      const database = new EmbeddedDatabase({ ...options, directory }, { environment, lock });
      holder.database = database;
      await database.#noteFormat();
      return database;
    } catch (error) {
      lock.release();
      throw asDiskError(directory, error);
    }
  }

  /** A table whose records carry checksums. */
  table(name: string): RecordTable {
    return new RecordTable(this.rawTable(name), name, this);
  }

  /** A table whose values have checksums of their own. */
  rawTable(name: string): Table {
    const table = this.#tables.get(name);
    if (!table) throw new Error(`The table ${name} was not opened.`);
    return table;
  }

  /** Bytes of the pages in use. The file is larger: freed pages stay in it and are used again. */
  get liveBytes(): number {
    return this.#liveBytes + this.#grownBytes;
  }

  /** What {@link liveBytes} may be. */
  get maxBytes(): number {
    return this.#options.maxBytes;
  }

  get suspect(): CommitError | undefined {
    return this.#suspect;
  }

  /** Why `bytes` more may not be stored now, or nothing. Deleting and settling are not asked. */
  refusesGrowth(bytes: number): MessagingError | undefined {
    const { maxBytes } = this.#options;
    if (this.liveBytes + bytes > maxBytes) this.#measure();
    if (this.liveBytes + bytes > maxBytes) {
      return new MessagingError(
        'TRANSPORT_FULL',
        `${this.directory} holds ${this.liveBytes} bytes and may hold ${maxBytes}. Raise maxBytes, or let consumers catch up.`,
      );
    }
    if (this.#reserve.held || this.#fileBytes - this.liveBytes > REUSABLE_BYTES + bytes) return undefined;
    return this.#retakeReserve() ? undefined : diskIsFull(this.directory);
  }

  /** Writes, sharing a transaction with the other writers of this moment. Resolves once the disk has it. */
  commit(work: Writes): Promise<void> {
    return this.submit(work).done;
  }

  /** Like {@link commit}, and can be taken back until its transaction begins. `bytes` is what it adds. */
  submit(work: Writes, bytes = 0): Submission {
    const refusal = this.#closed ? closedError(this.directory) : this.#suspect;
    if (refusal) return { done: Promise.reject(refusal), withdraw: () => false };
    this.#grownBytes += bytes;
    return this.#commits.submit(work, bytes);
  }

  /** Waits for the writes under way, within a limit, and releases the directory. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const idle = await settlesWithin(this.#commits.idle(), CLOSE_TIMEOUT_MS);
    this.#commits.refuseQueued(closedError(this.directory));
    // With a transaction stuck in the disk, closing the environment would wait for it for ever.
    if (idle) this.#released = await settlesWithin(this.#environment.close(), CLOSE_TIMEOUT_MS);
    this.#lock.release();
  }

  /**
   * Lets this process open the directory again, once it is closed. False while the directory is not there, or a write is
   * stuck in the disk: it is not made again, because it may be on its way back with what it held.
   */
  releaseAgain(): boolean {
    if (!this.#released || !existsSync(this.directory)) return false;
    this.#lock.release(); // it may have been out of reach before
    return true;
  }

  /** Ends all writing: the state in memory may differ from what is on the disk. */
  markSuspect(error: CommitError): void {
    if (this.#suspect) return;
    this.#suspect = error;
    this.#commits.refuseQueued(error);
    this.#options.onSuspect(error);
  }

  async #transact(write: () => void): Promise<CommitError | undefined> {
    if (this.#suspect) return this.#suspect;
    const before = this.#lastTransaction();
    try {
      await this.#environment.batch(write);
    } catch (error) {
      return this.#failed(before, await causeOf(error));
    }
    this.#commitCount += 1;
    if (this.#commitCount % SIZE_EVERY_COMMITS === 0) this.#measure();
    return undefined;
  }

  /** Transactions run one at a time, so a number that moved is the number of the one that failed. */
  #failed(before: number, cause: unknown): CommitError {
    if (this.#lastTransaction() === before) {
      const error = abortedCommit(this.directory, cause);
      if (error.code === 'TRANSPORT_FULL') this.#reserve.giveUp();
      this.#measure();
      return error;
    }
    const error = unflushedCommit(this.directory, cause);
    this.markSuspect(new CommitError(error.code, error.message, true, { cause }));
    return error;
  }

  /** A full disk does not keep the directory shut: the number is written when it is opened the next time. */
  async #noteFormat(): Promise<void> {
    if (this.#isNumbered) return;
    const bytes = encodeFormat({ ...CURRENT, since: this.#since });
    try {
      await this.commit({ write: () => this.#format.put(FORMAT_KEY, bytes) });
    } catch (error) {
      if ((error as CommitError).code !== 'TRANSPORT_FULL') throw error;
    }
  }

  #retakeReserve(): boolean {
    const now = performance.now();
    if (now < this.#nextReserveTryAt) return false;
    this.#nextReserveTryAt = now + RESERVE_RETRY_MS;
    this.#measure();
    return freeBytes(this.directory) > ROOM_BYTES && this.#reserve.take();
  }

  #lastTransaction(): number {
    return this.#environment.getStats().lastTxnId;
  }

  #measure(): void {
    let pages = 0;
    for (const table of this.#tables.values()) {
      const stats = table.getStats();
      pages += stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
    }
    const { pageSize, lastPageNumber } = this.#environment.getStats();
    this.#liveBytes = pages * pageSize;
    // A commit that was too large has extended the file, and its pages are written to again.
    this.#fileBytes = Math.max((lastPageNumber + 1) * pageSize, sizeOf(join(this.directory, DATA_FILE)));
    this.#grownBytes = 0;
  }
}

async function acquire(directory: string, listener: LockListener): Promise<DirectoryLock> {
  try {
    return await DirectoryLock.acquire(directory, listener);
  } catch (error) {
    throw asDiskError(directory, error);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function mapSizeFor(maxBytes: number): number {
  return Math.ceil((maxBytes * MAP_FACTOR + MAP_SPARE_BYTES) / 65_536) * 65_536;
}

/** lmdb rejects with a fixed text and hangs the reason on it as a promise that rejects. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  if (!commitError) return error;
  const reason = commitError.then(
    () => error,
    (cause: unknown) => cause ?? error,
  );
  return withDeadline(reason, REASON_TIMEOUT_MS, () => new Error('late')).catch(() => error);
}

function closedError(directory: string): CommitError {
  return new CommitError('TRANSPORT_CLOSED', `The database in ${directory} is closed.`, true);
}

function lostLock(directory: string): CommitError {
  return new CommitError(
    'DIRECTORY_IN_USE',
    `Another process took ${directory} over because this one did not run for a while. Stop one of the two: this one opens the directory again once it is free.`,
    true,
  );
}

function removed(directory: string): CommitError {
  return new CommitError(
    'TRANSPORT_UNAVAILABLE',
    `The directory ${directory}, or the lock in it, was removed while it was in use. Put it back: it is opened again then. Without it, its messages are lost.`,
    true,
  );
}
