import { uuidV7 } from '../message/ids.js';
import { MessagingError } from '../ports/errors.js';
import type { AuditedAction, AuditLog } from './audit-log.js';
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
  readonly #audit: AuditLog;
  #run: ReplayRun | undefined;
  #working: Promise<void> = Promise.resolve();
  #starting = false;
  #stopped = false;

  constructor(dependencies: ReplayDependencies, audit: AuditLog) {
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
      const run = new ReplayRun(options, selected, snapshotAt, this.#dependencies);
      await this.#audit.begin({ ...actionOf(run), counts: { selected: run.progress().counts.selected } });
      return this.#begin(run);
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
    if (!run?.running) throw notRunning();
    return this.#audit.change({ action: 'cancel-replay', id: run.progress().id, ...by }, async () => {
      if (!run.running) throw notRunning();
      run.cancel();
      await this.#working;
      return run.progress();
    });
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
    if (this.#stopped) run.cancel();
    this.#run = run;
    this.#working = run.work().then(() => this.#recordEnd(run));
    return run.progress();
  }

  #recordEnd(run: ReplayRun): Promise<void> {
    const { state, counts, errorCode } = run.progress();
    return this.#audit.end({
      ...actionOf(run),
      outcome: state === 'aborted' ? 'failed' : 'succeeded',
      counts: { ...counts },
      ...(errorCode !== undefined && { errorCode }),
    });
  }
}

function actionOf(run: ReplayRun): AuditedAction {
  const { id, filter, actor, reason } = run.progress();
  return { action: 'replay-matching', id, filter, actor, ...(reason !== undefined && { reason }) };
}

function notRunning(): MessagingError {
  return new MessagingError('NOT_FOUND', 'No replay is running in this process.');
}
