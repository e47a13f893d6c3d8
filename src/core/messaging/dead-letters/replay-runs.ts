import { uuidV7 } from '../message/ids.js';
import { MessagingError } from '../ports/errors.js';
import type { AuditEntry } from './audit-entry.js';
import type { DeadLetterFilter } from '../ports/dead-letter-store.js';
import type { ReplayDependencies } from './replay-one.js';
import { planReplay, replayFilter, replayLimit, replayRate, type ReplayPlan } from './replay-plan.js';
import { type ReplayProgress, ReplayRun } from './replay-run.js';

/** The actor and the reason of an operation. Both are written to the audit log. */
export interface Operator {
  /** A name that readers of the log recognise. */
  readonly actor: string;
  readonly reason?: string;
}

export interface ReplayLimits {
  /** At most this many a second, 1 to 500. Defaults to 50. */
  readonly ratePerSecond?: number;
  /** At most this many in all. Defaults to everything that matches. */
  readonly limit?: number;
}

/** The replays by filter of one process: one at a time, so that two can never send the same letter. */
export class ReplayRuns {
  readonly #dependencies: ReplayDependencies;
  readonly #audit: (entry: AuditEntry) => void;
  #run: ReplayRun | undefined;
  #working: Promise<void> = Promise.resolve();
  #starting = false;
  #stopped = false;

  constructor(dependencies: ReplayDependencies, audit: (entry: AuditEntry) => void) {
    this.#dependencies = dependencies;
    this.#audit = audit;
  }

  /** What {@link start} would send now. */
  async plan(filter: DeadLetterFilter, limits: ReplayLimits): Promise<ReplayPlan> {
    const { store, clock } = this.#dependencies;
    const snapshotAt = clock.now();
    replayRate(limits.ratePerSecond);
    return planReplay(store, replayFilter(filter, snapshotAt), replayLimit(limits.limit), snapshotAt);
  }

  /** Begins a run and resolves once it has begun. */
  async start(filter: DeadLetterFilter, limits: ReplayLimits, by: Operator): Promise<ReplayProgress> {
    const { store, clock } = this.#dependencies;
    const snapshotAt = clock.now();
    const frozen = replayFilter(filter, snapshotAt);
    const limit = replayLimit(limits.limit);
    const ratePerSecond = replayRate(limits.ratePerSecond);
    this.#refuseWhenBusy();
    this.#starting = true;
    try {
      const selected = await store.count(frozen);
      const options = { id: uuidV7(snapshotAt), filter: frozen, ratePerSecond, limit, ...by };
      return this.#begin(new ReplayRun(options, selected, snapshotAt, this.#dependencies));
    } finally {
      this.#starting = false;
    }
  }

  /** The run that is under way, or the last one. */
  current(): ReplayProgress | undefined {
    return this.#run?.progress();
  }

  /** Ends the run under way before its next letter. */
  async cancel(by: Operator): Promise<ReplayProgress> {
    const run = this.#run;
    if (!run?.running) throw new MessagingError('NOT_FOUND', 'No replay is running in this process.');
    run.cancel();
    await this.#working;
    this.#audit({ action: 'cancel-replay', outcome: 'succeeded', id: run.progress().id, ...by });
    return run.progress();
  }

  /** Ends the run under way, waiting for the message that is being sent, and lets no other begin. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#run?.cancel();
    await this.#working;
  }

  #refuseWhenBusy(): void {
    if (this.#stopped) {
      throw new MessagingError('NOT_RUNNING', 'No replay can begin: the application is stopping.');
    }
    if (this.#starting || this.#run?.running === true) {
      throw new MessagingError('CONFLICT', 'A replay is running. Wait until it has ended, or cancel it.');
    }
  }

  #begin(run: ReplayRun): ReplayProgress {
    const { id, filter, actor, reason, counts } = run.progress();
    const described = {
      action: 'replay-matching',
      id,
      filter,
      actor,
      ...(reason !== undefined && { reason }),
    };
    // Before the first message: a run that cannot be recorded must not happen.
    this.#audit({ ...described, outcome: 'started', counts: { selected: counts.selected } });
    if (this.#stopped) run.cancel();
    this.#run = run;
    const recordEnd = (): void => {
      const end = run.progress();
      this.#audit({
        ...described,
        outcome: end.state === 'aborted' ? 'failed' : 'succeeded',
        counts: { ...end.counts },
        ...(end.errorCode !== undefined && { errorCode: end.errorCode }),
      });
    };
    // A log that fails now can no longer prevent anything, and must not fail the shutdown that waits for this.
    this.#working = run
      .work()
      .then(recordEnd)
      .catch(() => undefined);
    return run.progress();
  }
}
