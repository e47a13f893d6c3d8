import type { CommitError } from './disk-errors.js';

/** Writes that belong together. */
export interface Writes {
  /**
   * Puts and removes. Called inside a transaction; called again when that one was aborted because of its neighbours.
   * Must not throw and must not read what the same transaction writes.
   */
  write(): void;
  /** Told the end before anybody who waits for it: `false` when nothing was written. */
  settled?(committed: boolean): void;
}

/** Writes on their way to the disk. */
export interface Submission {
  /** Resolves when the disk has them, rejects with a {@link CommitError}. */
  readonly done: Promise<void>;
  /** Takes them back if their transaction has not begun. False when it is too late. */
  withdraw(): boolean;
}

interface Entry {
  readonly work: Writes;
  readonly resolve: () => void;
  readonly reject: (error: CommitError) => void;
}

/**
 * One transaction at a time; whatever arrives meanwhile shares the next.
 *
 * Never having two on their way is what makes the error of a transaction the error of exactly its writes.
 */
export class GroupCommit {
  #queue: Entry[] = [];
  #running: Promise<void> | undefined;
  readonly #transact: (write: () => void) => Promise<CommitError | undefined>;

  /** @param transact runs `write` in a transaction and returns why it failed, or nothing once the disk has it. */
  constructor(transact: (write: () => void) => Promise<CommitError | undefined>) {
    this.#transact = transact;
  }

  submit(work: Writes): Submission {
    let entry!: Entry;
    const done = new Promise<void>((resolve, reject) => {
      entry = { work, resolve, reject };
    });
    this.#queue.push(entry);
    this.#running ??= this.#run();
    return { done, withdraw: () => this.#withdraw(entry) };
  }

  /** Resolves when nothing is on its way. */
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
    await Promise.resolve(); // what else this turn submits comes along
    while (this.#queue.length > 0) {
      const entries = this.#queue;
      this.#queue = [];
      const error = await this.#commit(entries);
      // A large neighbour must not take down what would fit (deletions, settlements): one by one, then.
      if (error?.certain && entries.length > 1) for (const entry of entries) await this.#commitAlone(entry);
      else for (const entry of entries) finish(entry, error);
    }
    this.#running = undefined;
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
