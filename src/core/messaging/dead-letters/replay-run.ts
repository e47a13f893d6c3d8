import { errorCodeOf, MessagingError } from '../ports/errors.js';
import type { DeadLetterFilter } from '../ports/dead-letter-store.js';
import { replayOne, type ReplayDependencies } from './replay-one.js';

const PAGE_SIZE = 100;
/** A transport or store that fails this often in a row will fail for the rest as well. */
const MAX_FAILURES_IN_A_ROW = 10;

export interface ReplayRunOptions {
  readonly id: string;
  readonly filter: DeadLetterFilter;
  /** At most this many a second. */
  readonly ratePerSecond: number;
  /** At most this many in all. */
  readonly limit: number;
  readonly actor: string;
  readonly reason?: string;
}

/** A replay of many letters, as far as it has come. Times are in milliseconds since 1970. */
export interface ReplayProgress extends ReplayRunOptions {
  /** `aborted` after ten failures in a row; `cancelled` by an operator or by the end of the process. */
  readonly state: 'running' | 'completed' | 'cancelled' | 'aborted';
  /** Letters that were dead-lettered at this instant or later are not part of the run, so none is sent twice. */
  readonly snapshotAt: number;
  readonly finishedAt?: number;
  readonly counts: ReplayCounts;
  /** Code of the last failure. */
  readonly errorCode?: string;
}

export interface ReplayCounts {
  /** How many matched when the run began, at most `limit`. */
  readonly selected: number;
  readonly done: number;
  readonly succeeded: number;
  /** The broker did not answer in time; the message may or may not arrive. */
  readonly unknown: number;
  /** Changed or removed by another operation before its turn came. */
  readonly skipped: number;
  readonly failed: number;
}

/** Replays what matches, oldest first, one after the other, at a rate. Holds one page of letters at a time. */
export class ReplayRun {
  readonly #options: ReplayRunOptions;
  readonly #dependencies: ReplayDependencies;
  readonly #snapshotAt: number;
  readonly #counts: { -readonly [K in keyof ReplayCounts]: number };
  #state: ReplayProgress['state'] = 'running';
  #finishedAt: number | undefined;
  #errorCode: string | undefined;
  #failuresInARow = 0;
  #cancelled = false;
  #wake: (() => void) | undefined;

  constructor(
    options: ReplayRunOptions,
    selected: number,
    snapshotAt: number,
    dependencies: ReplayDependencies,
  ) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#snapshotAt = snapshotAt;
    this.#counts = {
      selected: Math.min(selected, options.limit),
      done: 0,
      succeeded: 0,
      unknown: 0,
      skipped: 0,
      failed: 0,
    };
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  /** Works until everything that matched was tried, or until cancelled or aborted. Never rejects. */
  async work(): Promise<void> {
    try {
      await this.#replayPages();
      this.#finish(this.#cancelled ? 'cancelled' : 'completed');
    } catch (error) {
      this.#errorCode = errorCodeOf(error);
      this.#finish('aborted');
    }
  }

  /** Ends the run before its next letter. The one that is being sent is sent. */
  cancel(): void {
    this.#cancelled = true;
    this.#wake?.();
  }

  progress(): ReplayProgress {
    return {
      ...this.#options,
      state: this.#state,
      snapshotAt: this.#snapshotAt,
      ...(this.#finishedAt !== undefined && { finishedAt: this.#finishedAt }),
      counts: { ...this.#counts },
      ...(this.#errorCode !== undefined && { errorCode: this.#errorCode }),
    };
  }

  async #replayPages(): Promise<void> {
    const { store } = this.#dependencies;
    let after: string | undefined;
    do {
      const page = await store.list(this.#options.filter, {
        limit: PAGE_SIZE,
        order: 'oldest-first',
        ...(after !== undefined && { after }),
      });
      for (const deadLetter of page.items) {
        if (this.#cancelled || this.#counts.done >= this.#options.limit) return;
        await this.#replayInTurn(deadLetter.id);
      }
      after = page.next;
    } while (after !== undefined);
  }

  async #replayInTurn(id: string): Promise<void> {
    const { clock, emit } = this.#dependencies;
    const startedAt = clock.monotonic();
    const outcome = await this.#replay(id);
    this.#counts.done += 1;
    this.#counts[outcome] += 1;
    emit({ type: 'dead-letter-operation', operation: 'replay', outcome });
    await this.#pauseUntil(startedAt + 1000 / this.#options.ratePerSecond);
  }

  async #replay(id: string): Promise<'succeeded' | 'unknown' | 'skipped' | 'failed'> {
    try {
      const result = await replayOne(id, false, this.#dependencies);
      this.#failuresInARow = 0;
      return result.outcome === 'accepted' ? 'succeeded' : 'unknown';
    } catch (error) {
      if (error instanceof MessagingError && (error.code === 'CONFLICT' || error.code === 'NOT_FOUND')) {
        return 'skipped';
      }
      this.#errorCode = errorCodeOf(error);
      this.#failuresInARow += 1;
      if (this.#failuresInARow >= MAX_FAILURES_IN_A_ROW) throw error;
      return 'failed';
    }
  }

  #pauseUntil(at: number): Promise<void> {
    const { clock } = this.#dependencies;
    const delayMs = at - clock.monotonic();
    if (this.#cancelled || delayMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const stopTimer = clock.schedule(delayMs, resolve);
      this.#wake = () => {
        stopTimer();
        resolve();
      };
    });
  }

  #finish(state: ReplayProgress['state']): void {
    this.#state = state;
    this.#finishedAt = this.#dependencies.clock.now();
  }
}
