import { errorCodeOf } from '../ports/errors.js';
import { type DefiniteCeiling, hasRoom, lowerOf, storedBytesOf } from '../ports/dead-letter-filter.js';
import type { MessagingEvent } from '../observing/events.js';
import type {
  DeadLetterCount,
  DeadLetterStatus,
  DeadLetterStore,
  DeadLetterSummary,
  DeadLetterUsage,
  NewDeadLetter,
} from '../ports/dead-letter-store.js';
import type { Clock } from '../ports/transport.js';
import { spreadMs } from '../transport-kit/backoff.js';
import { type DeadLetterLimits, RESOLVED_RETENTION_MS } from '../ports/dead-letter-limits.js';
import { StorageProblems } from './storage-problems.js';

type RemovalCause = Extract<MessagingEvent, { type: 'dead-letter-removed' }>['cause'];

/** In this order they are removed when a limit is reached. Others are on their way to their handler. */
const REMOVABLE = ['resolved', 'archived', 'failed'] as const;
const DONE_WITH: readonly DeadLetterStatus[] = ['resolved', 'archived'];
/** Part of a limit from which it is reported. */
const NEAR = 0.8;
const CHECK_MS = 15_000;
const MIN_CHECK_MS = 1_000;
/** How often what is done with is looked through. */
const SWEEP_MS = 3_600_000;
/** A full store looks for what is done with, at most this often. */
const FULL_SWEEP_MS = 60_000;
const PAGE = 200;
/** Most that are removed for one dead letter before it is tried again. */
const MAX_BATCH = 64;

/**
 * Keeps dead letters within their limits.
 *
 * What is archived, or was handled after a replay, is removed 14 days later. What is pending is removed only with
 * `dropPending`; without it a full store refuses, and the message stays on its broker.
 */
export class DeadLetterRetention {
  readonly #problems: StorageProblems;
  #usage: DeadLetterUsage | undefined;
  #sweptAt = -Infinity;
  /** Size of the last one that was refused. */
  #refusedBytes: number | undefined;
  #cancelCheck: (() => void) | undefined;
  #makingRoom: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(
    private readonly store: DeadLetterStore,
    readonly limits: DeadLetterLimits,
    private readonly clock: Clock,
    private readonly emit: (event: MessagingEvent) => void,
  ) {
    this.#problems = new StorageProblems(clock, emit);
  }

  /** Begins to check limits. The first check removes what was done with long ago. */
  start(): void {
    void this.#check();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelCheck?.();
  }

  get problems(): StorageProblems {
    return this.#problems;
  }

  /** What the store held at the last check; undefined before, and where the store does not know it. */
  get usage(): DeadLetterUsage | undefined {
    return this.#usage;
  }

  /** Asks the store again. What it last said stays where it does not answer. */
  async refresh(): Promise<void> {
    try {
      this.#usage = await this.store.usage?.();
    } catch {
      // The caller that needs the store reports that it does not answer.
    }
  }

  /** Stores a dead letter, after making room for it where that is allowed. Rejects as {@link DeadLetterStore.add}. */
  async add(deadLetter: NewDeadLetter): Promise<string> {
    try {
      const id = await this.#addWithRoom(deadLetter);
      this.#problems.stored();
      return id;
    } catch (error) {
      this.#refusedBytes = storedBytesOf(deadLetter);
      this.#problems.failed(error);
      throw error;
    }
  }

  async #addWithRoom(deadLetter: NewDeadLetter): Promise<string> {
    try {
      return await this.store.add(deadLetter, this.limits);
    } catch (error) {
      if (errorCodeOf(error) !== 'STORE_FULL') throw error;
      // One at a time, so that no more are removed than needed.
      const making = this.#makingRoom.then(() => this.#makeRoom(deadLetter, error));
      this.#makingRoom = making.catch(() => undefined);
      return making;
    }
  }

  async #makeRoom(deadLetter: NewDeadLetter, full: unknown): Promise<string> {
    if (this.clock.monotonic() - this.#sweptAt > FULL_SWEEP_MS) await this.#removeResolved();
    for (let batch = 1; ; batch = Math.min(batch * 2, MAX_BATCH)) {
      try {
        return await this.store.add(deadLetter, this.limits);
      } catch (error) {
        if (errorCodeOf(error) !== 'STORE_FULL') throw error;
        if (!(await this.#dropOldest(storedBytesOf(deadLetter), batch))) throw full;
      }
    }
  }

  /** Removes at most `most`, and no more than one of so many bytes needs. False when that is not allowed or does not help. */
  async #dropOldest(bytes: number, most: number): Promise<boolean> {
    if (this.limits.dropPending !== true || bytes > (this.limits.maxBytes ?? Infinity)) return false;
    let removed = 0;
    while (removed < most && (await this.#dropOne(bytes))) removed += 1;
    return removed > 0;
  }

  /** False when there is room by the limits, or nothing is left that may be removed. */
  async #dropOne(bytes: number): Promise<boolean> {
    const usage = await this.store.usage?.();
    if (!usage || hasRoom(usage, this.limits, bytes, undefined)) return false;
    const cause = usage.count >= (this.limits.maxCount ?? Infinity) ? 'maxCount' : 'maxBytes';
    for (const status of REMOVABLE) {
      const { items } = await this.store.list({ status }, { limit: 1, order: 'oldest-first' });
      for (const item of items) await this.#remove(item, cause);
      if (items.length > 0) return true; // also when another process was faster
    }
    return false;
  }

  async #check(): Promise<void> {
    try {
      const isSweep = this.clock.monotonic() - this.#sweptAt > SWEEP_MS;
      if (isSweep) await this.#removeResolved();
      const counts = this.limits.maxAgeMs === undefined ? [] : await this.store.stats();
      await this.#dropAged(isSweep ? undefined : counts);
      await this.#assess(counts);
    } catch {
      // The caller that needs the store reports that it does not answer; the next check continues.
    }
    this.#problems.check();
    if (this.#isStopped) return;
    const checkMs = Math.min(CHECK_MS, Math.max(MIN_CHECK_MS, (this.limits.maxAgeMs ?? Infinity) / 4));
    this.#cancelCheck = this.clock.schedule(spreadMs(checkMs, 0.1), () => void this.#check());
  }

  async #assess(counts: readonly DeadLetterCount[]): Promise<void> {
    this.#usage = await this.store.usage?.();
    if (this.#usage) this.#endRefusal(this.#usage);
    this.#problems.near([...this.#nearBy(this.#usage), ...(this.#isNearAge(counts) ? ['maxAgeMs'] : [])]);
  }

  #nearBy(usage: DeadLetterUsage | undefined): string[] {
    const { maxCount, maxBytes } = lowerOf(usage ?? {}, this.limits);
    if (!usage) return [];
    return [
      ...(usage.count >= NEAR * maxCount ? ['maxCount'] : []),
      ...(usage.bytes >= NEAR * maxBytes ? ['maxBytes'] : []),
    ];
  }

  #isNearAge(counts: readonly DeadLetterCount[]): boolean {
    const ages = counts.filter(({ status }) => status === 'failed').map(({ oldestAt }) => oldestAt);
    return this.clock.now() - Math.min(...ages) >= NEAR * (this.limits.maxAgeMs ?? Infinity);
  }

  /** Once what was refused last would be taken. */
  #endRefusal(usage: DeadLetterUsage): void {
    const ceiling = lowerOf(usage, this.limits);
    const bytes = this.#refusedBytes;
    if (bytes === undefined || !this.#isLimited(ceiling) || !hasRoom(usage, ceiling, bytes, undefined))
      return;
    this.#refusedBytes = undefined;
    this.#problems.stored();
  }

  /** Whether the store can be full by a limit. Otherwise its server or disk is full, and the next try shows whether it still is. */
  #isLimited({ maxCount, maxBytes }: DefiniteCeiling): boolean {
    return maxCount !== Infinity || maxBytes !== Infinity;
  }

  /**
   * With `dropPending`, nothing is older than `maxAgeMs`.
   *
   * @param counts show where to look. Without them all are examined: a store may read the age off the lowest id, which
   *   a dead letter that failed again keeps.
   */
  async #dropAged(counts: readonly DeadLetterCount[] | undefined): Promise<void> {
    const { maxAgeMs, dropPending } = this.limits;
    if (maxAgeMs === undefined || dropPending !== true) return;
    const to = this.clock.now() - maxAgeMs;
    for (const status of REMOVABLE) {
      const hasOld = counts?.some((one) => one.status === status && one.oldestAt < to) ?? true;
      if (hasOld) await this.#removeAll(status, to, 'maxAgeMs', () => true);
    }
  }

  async #removeResolved(): Promise<void> {
    this.#sweptAt = this.clock.monotonic();
    const until = this.clock.now() - RESOLVED_RETENTION_MS;
    for (const status of DONE_WITH)
      await this.#removeAll(status, until, 'resolved', ({ updatedAt }) => updatedAt < until);
  }

  async #removeAll(
    status: DeadLetterStatus,
    to: number,
    cause: RemovalCause,
    isDue: (deadLetter: DeadLetterSummary) => boolean,
  ): Promise<void> {
    let after: string | undefined;
    do {
      const page = { limit: PAGE, order: 'oldest-first', ...(after !== undefined && { after }) } as const;
      const { items, next } = await this.store.list({ status, to }, page);
      for (const item of items) if (!this.#isStopped && isDue(item)) await this.#remove(item, cause);
      after = next;
    } while (after !== undefined && !this.#isStopped);
  }

  /** Not one that changed meanwhile: an operator may have restored it. */
  async #remove(deadLetter: DeadLetterSummary, cause: RemovalCause): Promise<void> {
    const { id, topic, group, status, messageId, revision } = deadLetter;
    if (!(await this.store.discard(id, revision))) return;
    if (status === 'failed') this.#problems.dropped(cause);
    this.emit({ type: 'dead-letter-removed', id, topic, group, status, messageId, cause });
    this.emit({ type: 'dead-letter-changed', id, topic, group, to: 'discarded' });
  }
}
