import type { CommitError } from './disk-errors.js';

/** Writes that belong together. */
export interface Writes {
  /**
   * Puts and removes. Called inside a transaction; called again when that one was aborted because of its neighbours.
   * Must not throw and must not read what the same transaction writes.
   */
  write(): void;
  /** Called once it has ended, before its promise settles: `false` when nothing was written. */
  settled?(committed: boolean): void;
}

/** Writes that are submitted to the disk. */
export interface Submission {
  /** Resolves when the disk has them, rejects with a {@link CommitError}. */
  readonly done: Promise<void>;
  /** Takes them back if their transaction has not begun. False when it is too late. */
  withdraw(): boolean;
}

/** A transaction that was quicker than this did not wait for the disk long enough to make all callers wait with it. */
const QUICK_COMMIT_MS = 4;
const SMALLEST_SHARE_BYTES = 256 * 1024;
const DURATIONS_KEPT = 16;

interface Entry {
  readonly bytes: number;
  readonly work: Writes;
  readonly resolve: () => void;
  readonly reject: (error: CommitError) => void;
}

/**
 * One transaction at a time; whatever arrives meanwhile shares the next.
 *
 * With one transaction at a time, its error is the error of exactly its writes.
 */
export class GroupCommit {
  #queue: Entry[] = [];
  #running: Promise<void> | undefined;
  /** Of the last few transactions. Most are longer than the disk took, because this thread was busy when it was done. */
  #durationsMs: number[] = [];
  readonly #transact: (write: () => void) => Promise<CommitError | undefined>;

  /** @param transact runs `write` in a transaction and returns why it failed, or nothing once the disk has it. */
  constructor(transact: (write: () => void) => Promise<CommitError | undefined>) {
    this.#transact = transact;
  }

  /** @param bytes about what it writes. */
  submit(work: Writes, bytes = 0): Submission {
    let entry!: Entry;
    const done = new Promise<void>((resolve, reject) => {
      entry = { work, bytes, resolve, reject };
    });
    this.#queue.push(entry);
    this.#running ??= this.#run();
    return { done, withdraw: () => this.#withdraw(entry) };
  }

  /** Resolves when no write is under way. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Fails everything whose transaction has not begun. */
  refuseQueued(error: CommitError): void {
    for (const entry of this.#queue.splice(0)) finish(entry, error);
  }

  #withdraw(entry: Entry): boolean {
    const at = this.#queue.indexOf(entry);
    if (at < 0) return false;
    this.#queue.splice(at, 1);
    return true;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // other writes of this turn share the transaction
    while (this.#queue.length > 0) {
      const entries = this.#nextShare();
      const startedAt = performance.now();
      const error = await this.#commit(entries);
      this.#noteDuration(performance.now() - startedAt);
      // A large neighbour must not take down what would fit (deletions, settlements): one by one, then.
      if (error?.certain && entries.length > 1) for (const entry of entries) await this.#commitAlone(entry);
      else for (const entry of entries) finish(entry, error);
    }
    this.#running = undefined;
  }

  /**
   * What the next transaction takes: everything, or half of it while the disk is quick. The callers of one half then
   * prepare their next messages while the other half is written, instead of all waiting for one transaction.
   */
  #nextShare(): Entry[] {
    const queue = this.#queue;
    const total = queue.reduce((sum, entry) => sum + entry.bytes, 0);
    const isQuick = Math.min(...this.#durationsMs) < QUICK_COMMIT_MS;
    const limit = isQuick ? Math.max(total / 2, SMALLEST_SHARE_BYTES) : Number.POSITIVE_INFINITY;
    let count = 0;
    for (let bytes = 0; count < queue.length && (count === 0 || bytes < limit); count += 1)
      bytes += queue[count]?.bytes ?? 0;
    this.#queue = queue.slice(count);
    return queue.slice(0, count);
  }

  #noteDuration(durationMs: number): void {
    this.#durationsMs.push(durationMs);
    if (this.#durationsMs.length > DURATIONS_KEPT) this.#durationsMs.shift();
  }

  async #commitAlone(entry: Entry): Promise<void> {
    finish(entry, await this.#commit([entry]));
  }

  async #commit(entries: readonly Entry[]): Promise<CommitError | undefined> {
    const error = await this.#transact(() => {
      for (const { work } of entries) work.write();
    });
    for (const { work } of entries) work.settled?.(!error?.certain);
    return error;
  }
}

function finish(entry: Entry, error: CommitError | undefined): void {
  if (error) entry.reject(error);
  else entry.resolve();
}
