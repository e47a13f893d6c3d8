import type { KeptLease } from '../control/kept-lease.js';
import type { AuditLog } from '../dead-letters/audit-log.js';
import type { ReplayDependencies } from '../dead-letters/replay-one.js';
import { OwnLogger } from '../observing/own-logger.js';
import { errorCodeOf } from '../ports/errors.js';
import { backoffMs } from '../transport-kit/backoff.js';
import { settlesWithin } from '../transport-kit/deadline.js';
import { FailedAgainSample } from './failed-again.js';
import { frozenFilter, frozenParts, MAX_SELECTED } from './freeze.js';
import { isPassing, type StepOutcome, stepOf } from './letter-step.js';
import { hasEnded, NO_COUNTS, type OperationCounts } from './operation.js';
import type { OperationRecord } from './operation-record.js';
import type { FrozenLetter, OperationStore, PartResults } from './operation-store.js';

/** A process that does not renew for so long has died, and another continues. */
export const LEASE_MS = 10_000;
/** How old the stored progress may be, and how late an order of an operator is seen. */
const CHECKPOINT_MS = 1_000;
const LOOK_AGAIN_MS = 250;
const RETRY = { minMs: 200, maxMs: 10_000 } as const;
/** An outage that lasts longer needs a person: the operation is paused. */
const MAX_OUTAGE_MS = 10 * 60_000;
/** A transport that refuses this many in a row will refuse the rest as well. */
const MAX_FAILURES_IN_A_ROW = 10;
/** A turn that came late may be made up for, up to this much. */
const CATCH_UP_MS = 50;
const SAMPLE_SETTLES_MS = 15_000;

export interface RunServices {
  readonly operations: OperationStore;
  readonly letters: ReplayDependencies;
  readonly audit: AuditLog;
}

type Outcome = NonNullable<PartResults['outcomes'][number]>;
type Counts = { -readonly [K in keyof OperationCounts]: number };

/**
 * One process at work on one operation, from where the last one has left it.
 *
 * Progress is stored every second. After a crash, letters that were done since then are tried again, and the change of status
 * that sends a letter keeps it from being sent twice.
 *
 * One file because its parts share the progress: freezing, the pace, letters in lanes, checkpoints, and how it ends.
 */
export class OperationRun {
  readonly #logger = new OwnLogger('Messaging');
  readonly #services: RunServices;
  readonly #lease: KeptLease;
  readonly #counts: Counts;
  readonly #sample: FailedAgainSample;
  readonly #isContinued: boolean;
  #record: OperationRecord;
  #outcomes: (Outcome | undefined)[] = [];
  #resultsRevision = 0;
  #isLost = false;
  #isStopping = false;
  #aborted: string | undefined;
  #trouble: { readonly code: string; readonly since: number } | undefined;
  #failuresInARow = 0;
  #lastDueAt = 0;
  #storedAt = 0;
  #lookedAt = 0;
  #looking: Promise<void> | undefined;
  readonly #wakes = new Set<() => void>();

  constructor(record: OperationRecord, lease: KeptLease, services: RunServices) {
    const { store, clock } = services.letters;
    this.#record = record;
    this.#lease = lease;
    this.#services = services;
    this.#counts = { ...record.counts };
    this.#isContinued = record.fence > 0;
    this.#sample = new FailedAgainSample(store, clock, this.#counts);
  }

  /** Works until the operation has ended, is paused, or belongs to another process. Never rejects. */
  async work(): Promise<void> {
    try {
      if (await this.#begin()) await this.#run();
    } catch (error) {
      await this.#fail(error);
    } finally {
      await this.#lease.release();
    }
  }

  /** Ends the work here before the next letter; another process continues it. */
  stop(): void {
    this.#isStopping = true;
    this.#wakeAll();
  }

  get #clock() {
    return this.#services.letters.clock;
  }

  /** Another process works on it, or is free to. */
  get #hasLost(): boolean {
    return this.#isLost || this.#lease.isLost;
  }

  get #mayGoOn(): boolean {
    const isOurs = !this.#isStopping && !this.#hasLost;
    return isOurs && this.#aborted === undefined && this.#record.state === 'running';
  }

  /** False when there is nothing to do. */
  async #begin(): Promise<boolean> {
    const now = this.#clock.now();
    await this.#write((record) =>
      record.state === 'queued' || record.state === 'running'
        ? { ...record, state: 'running', startedAt: record.startedAt ?? now }
        : record,
    );
    if (this.#record.state === 'cancelling') await this.#finish('cancelled');
    return this.#mayGoOn;
  }

  async #run(): Promise<void> {
    if (!this.#record.frozen) await this.#patiently(() => this.#freeze());
    else if (this.#isContinued) await this.#patiently(() => this.#recount());
    while (this.#mayGoOn && this.#record.part < (this.#record.frozen?.parts ?? 0)) await this.#workOnPart();
    if (this.#mayGoOn) await this.#settleSample();
    await this.#conclude();
  }

  /** From the results of letters: the process that died may have stored one without the other. */
  async #recount(): Promise<void> {
    const { id, part } = this.#record;
    const { selected, checked, failedAgain } = this.#counts;
    const counts: Counts = { ...NO_COUNTS, selected, checked, failedAgain };
    for (let each = 0; each <= part; each += 1)
      for (const outcome of (await this.#services.operations.results(id, each)).outcomes) {
        if (!outcome || outcome.result === 'pending') continue;
        counts.done += 1;
        counts[outcome.result] += 1;
      }
    Object.assign(this.#counts, counts);
  }

  async #workOnPart(): Promise<void> {
    const { id, frozen, part } = this.#record;
    const { operations } = this.#services;
    const letters = await this.#patiently(() => operations.letters(frozen?.place ?? '', part));
    const results = await this.#patiently(() => operations.results(id, part));
    if (!letters || !results) return; // it is stopping
    this.#outcomes = [...results.outcomes];
    this.#resultsRevision = results.revision;
    await this.#workOn(letters);
    if (!this.#mayGoOn) return;
    await this.#store(part + 1);
    this.#outcomes = []; // those of the next part have a note of their own
  }

  async #freeze(): Promise<void> {
    const { id, kind, selection, snapshotAt, maxCount = MAX_SELECTED } = this.#record;
    if (!('filter' in selection)) return;
    const place = `${id}/${this.#lease.fence}`;
    let parts = 0;
    let selected = 0;
    const filter = frozenFilter(kind, selection.filter, snapshotAt);
    for await (const letters of frozenParts(this.#services.letters.store, filter, maxCount)) {
      await this.#services.operations.freeze(place, parts, letters);
      parts += 1;
      selected += letters.length;
      if (this.#isStoredLongAgo) await this.#write((record) => record); // for an order of an operator
      if (!this.#mayGoOn) return;
    }
    this.#counts.selected = selected;
    await this.#write((record) => ({ ...record, frozen: { place, parts }, counts: { ...this.#counts } }));
  }

  async #workOn(letters: readonly FrozenLetter[]): Promise<void> {
    const lanes = new Map<number, Promise<void>>();
    for (const [nth, letter] of letters.entries()) {
      const { lane } = letter;
      if (this.#outcomes[nth]) continue;
      await this.#settled(lanes.get(lane));
      await this.#turn();
      if (!this.#mayGoOn) break;
      lanes.set(
        lane,
        this.#step(nth, letter).finally(() => lanes.delete(lane)),
      );
    }
    await this.#settled(Promise.all(lanes.values()));
    await this.#store(this.#record.part);
  }

  /** Progress is stored meanwhile, and orders are seen: a letter may wait for a store or a transport for long. */
  async #settled(work: Promise<unknown> | undefined): Promise<void> {
    while (work && !(await settlesWithin(work, CHECKPOINT_MS, this.#clock)))
      if (this.#isStoredLongAgo) await this.#store(this.#record.part);
  }

  /** Resolves when the next letter may be begun, or none any more. */
  async #turn(): Promise<void> {
    this.#lookAgain();
    for (;;) {
      if (this.#isStoredLongAgo) await this.#store(this.#record.part);
      const now = this.#clock.monotonic();
      const dueAt = this.#lastDueAt + 1_000 / this.#record.ratePerSecond;
      const isHeldUp = this.#trouble !== undefined || !this.#lease.isHeld;
      if (!this.#mayGoOn) return;
      if (now >= dueAt && !isHeldUp) {
        this.#lastDueAt = Math.max(dueAt, now - CATCH_UP_MS);
        return;
      }
      await this.#sleep(isHeldUp ? RETRY.minMs : Math.min(dueAt - now, CHECKPOINT_MS));
    }
  }

  async #step(nth: number, letter: FrozenLetter): Promise<void> {
    const context = { ...this.#services.letters, isContinued: this.#isContinued };
    for (let failures = 0; this.#mayGoOn || failures === 0; failures += 1) {
      let outcome: StepOutcome;
      try {
        outcome = await stepOf(this.#record, letter, context);
        this.#trouble = undefined;
      } catch (error) {
        const code = errorCodeOf(error);
        if (isPassing(error)) {
          this.#hasTrouble(code);
          await this.#sleep(backoffMs(failures, RETRY));
          continue;
        }
        outcome = { result: 'failed', code };
      }
      if ('waitMs' in outcome) await this.#sleep(outcome.waitMs);
      else {
        this.#settle(nth, letter, outcome);
        return;
      }
    }
  }

  #settle(nth: number, letter: FrozenLetter, outcome: Exclude<StepOutcome, { waitMs: number }>): void {
    const { kind } = this.#record;
    this.#outcomes[nth] = outcome;
    this.#counts.done += 1;
    this.#counts[outcome.result] += 1;
    this.#services.letters.emit({ type: 'dead-letter-operation', operation: kind, outcome: outcome.result });
    if (kind === 'replay' && outcome.result === 'succeeded') this.#sample.sent(letter);
    this.#failuresInARow = outcome.result === 'failed' ? this.#failuresInARow + 1 : 0;
    if (this.#failuresInARow >= MAX_FAILURES_IN_A_ROW) this.#abort(outcome.code ?? 'FAILED');
  }

  #hasTrouble(code: string): void {
    const now = this.#clock.monotonic();
    this.#trouble = { code, since: this.#trouble?.since ?? now };
  }

  #abort(code: string): void {
    this.#aborted ??= code;
    this.#wakeAll();
  }

  #lookAgain(): void {
    const now = this.#clock.monotonic();
    if (this.#record.kind !== 'replay' || this.#looking || now - this.#lookedAt < LOOK_AGAIN_MS) return;
    this.#lookedAt = now;
    this.#looking = this.#sample
      .look()
      .catch(() => undefined) // the letters of the operation meet the same store, and report it
      .finally(() => (this.#looking = undefined));
    if (this.#sample.isTooMany(this.#record.abortRatio)) this.#abort('FAILED_AGAIN');
  }

  /** The last letters are looked at as well, so that a few say something about the rest. */
  async #settleSample(): Promise<void> {
    const until = this.#clock.monotonic() + SAMPLE_SETTLES_MS;
    while (this.#mayGoOn && !this.#sample.isSettled && this.#clock.monotonic() < until) {
      await this.#sleep(LOOK_AGAIN_MS);
      this.#lookAgain();
      await this.#looking;
      if (this.#isStoredLongAgo) await this.#store(this.#record.part);
    }
    if (this.#sample.isTooMany(this.#record.abortRatio)) this.#abort('FAILED_AGAIN');
  }

  get #isStoredLongAgo(): boolean {
    return this.#clock.monotonic() - this.#storedAt >= CHECKPOINT_MS;
  }

  /** Stores how far it has come, and learns what operators have ordered. */
  async #store(part: number): Promise<void> {
    const { id } = this.#record;
    this.#storedAt = this.#clock.monotonic();
    const isOutage = this.#trouble && this.#storedAt - this.#trouble.since > MAX_OUTAGE_MS;
    if (this.#outcomes.length > 0) {
      const results = { outcomes: this.#outcomes, revision: this.#resultsRevision };
      const revision = await this.#patiently(() =>
        this.#services.operations.setResults(id, this.#record.part, results),
      );
      // Another process works on it, or the answer to a write of ours was lost: it is continued from what is stored.
      if (revision === undefined) this.#isLost = true;
      else this.#resultsRevision = revision;
    }
    if (this.#hasLost) return;
    await this.#write(({ errorCode: _, ...record }) => ({
      ...record,
      part,
      counts: { ...this.#counts },
      ...(this.#trouble && { errorCode: this.#trouble.code }),
      ...(isOutage && record.state === 'running' && { state: 'paused', orders: record.orders + 1 }),
    }));
  }

  async #conclude(): Promise<void> {
    if (this.#hasLost) return;
    if (this.#aborted !== undefined) return this.#finish('aborted');
    if (this.#record.state === 'cancelling') return this.#finish('cancelled');
    if (this.#record.state !== 'running') return;
    if (!this.#isStopping) return this.#finish('completed');
    await this.#write((record) => (record.state === 'running' ? { ...record, state: 'queued' } : record));
  }

  async #finish(state: 'completed' | 'cancelled' | 'aborted'): Promise<void> {
    const finishedAt = this.#clock.now();
    const errorCode = this.#aborted;
    await this.#write(({ errorCode: _, ...record }) => ({
      ...record,
      state,
      finishedAt,
      counts: { ...this.#counts },
      ...(errorCode !== undefined && { errorCode }),
    }));
    if (this.#hasLost) return;
    const { id, kind, actor, reason } = this.#record;
    await this.#services.audit.end({
      action: `${kind}-operation`,
      id,
      actor,
      ...(reason !== undefined && { reason }),
      outcome: state === 'aborted' ? 'failed' : 'succeeded',
      counts: { ...this.#counts },
      ...(errorCode !== undefined && { errorCode }),
    });
  }

  /** No later try would succeed. */
  async #fail(error: unknown): Promise<void> {
    if (this.#hasLost || isPassing(error)) return; // it is continued, here or by another process
    const code = errorCodeOf(error);
    this.#logger.error(`Operation "${this.#record.id}" has ended with an error (${code}).`);
    this.#abort(code);
    await this.#finish('aborted').catch(() => undefined); // another process finds it as it was
  }

  /** Changes the record unless another process works on it by now. */
  async #write(change: (record: OperationRecord) => OperationRecord): Promise<void> {
    const { fence } = this.#lease;
    const written = await this.#patiently(() =>
      this.#services.operations.update(this.#record.id, (record) =>
        record.fence > fence || hasEnded(record) ? undefined : { ...change(record), fence },
      ),
    );
    if (written === undefined || written.fence > fence) this.#isLost = true;
    else this.#record = written;
  }

  /** Asks the store again while it does not answer. Undefined when the process stops meanwhile. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T | undefined> {
    for (let failures = 0; ; failures += 1)
      try {
        return await ask();
      } catch (error) {
        if (!isPassing(error) || this.#hasLost) throw error;
        if (this.#isStopping) return undefined;
        await this.#sleep(backoffMs(failures, RETRY));
      }
  }

  #sleep(delayMs: number): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakes.delete(wake);
        cancel();
        resolve();
      };
      const cancel = this.#clock.schedule(delayMs, wake);
      this.#wakes.add(wake);
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}
