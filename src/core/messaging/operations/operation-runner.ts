import { KeptLease } from '../control/kept-lease.js';
import { ControlWatch } from '../control/control-watch.js';
import { OwnLogger } from '../observing/own-logger.js';
import type { ControlEntry, ControlStore } from '../ports/control-store.js';
import { errorCodeOf } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { spreadMs } from '../transport-kit/backoff.js';
import { hasEnded } from './operation.js';
import { type OperationRecord, recordSchema } from './operation-record.js';
import { LEASE_MS, OperationRun, type RunServices } from './operation-run.js';
import { OPERATIONS } from './operation-store.js';

/** Operations that one process works on at the same time. */
const MAX_RUNS = 4;
const RETRY_MS = 1_000;

/** Takes up operations that wait, or whose process has died, and works on them. */
export class OperationRunner {
  readonly #logger = new OwnLogger('Messaging');
  readonly #watch: ControlWatch;
  readonly #open = new Map<string, OperationRecord>();
  readonly #runs = new Map<string, { readonly run: OperationRun; readonly working: Promise<void> }>();
  readonly #taking = new Set<string>();
  readonly #retries = new Map<string, () => void>();
  #isStarted = false;
  #isStopped = false;

  constructor(
    private readonly store: ControlStore,
    private readonly clock: Clock,
    private readonly services: RunServices,
  ) {
    this.#watch = new ControlWatch(store, OPERATIONS, clock, {
      changed: (key, entry) => this.#changed(key.slice(OPERATIONS.length), entry),
      failed: (error) =>
        this.#logger.warn(
          `The control store does not answer (${errorCodeOf(error)}): operations on dead letters wait. Trying again.`,
        ),
      recovered: () => undefined,
    });
  }

  /** Begins to look for operations. Never rejects. */
  async start(): Promise<void> {
    this.#isStarted = true;
    await this.#watch.start();
  }

  /** Operations that have not ended, as they were last seen. */
  get open(): readonly OperationRecord[] {
    return [...this.#open.values()];
  }

  /** Looks now for what has changed. */
  async refresh(): Promise<void> {
    if (this.#isStarted && !this.#isStopped) await this.#watch.refresh();
  }

  /** Ends the work of this process, waiting for letters in flight. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch.stop();
    for (const cancel of this.#retries.values()) cancel();
    const runs = [...this.#runs.values()];
    for (const { run } of runs) run.stop();
    await Promise.all(runs.map(({ working }) => working));
  }

  #changed(id: string, entry: ControlEntry | undefined): void {
    const record = entry && this.#read(entry);
    if (!record || hasEnded(record)) this.#open.delete(id);
    else {
      this.#open.set(id, record);
      this.#take(record);
    }
  }

  #take(record: OperationRecord): void {
    const { id, state } = record;
    const isBusy =
      this.#runs.has(id) || this.#taking.has(id) || this.#runs.size + this.#taking.size >= MAX_RUNS;
    if (this.#isStopped || state === 'paused' || isBusy) return;
    this.#retries.get(id)?.();
    this.#retries.delete(id);
    this.#taking.add(id);
    KeptLease.acquire(this.store, `operations/${id}`, LEASE_MS, this.clock)
      .then(
        (lease) =>
          lease instanceof KeptLease ? this.#run(record, lease) : this.#tryLater(id, lease.retryAfterMs),
        () => this.#tryLater(id, RETRY_MS),
      )
      .finally(() => this.#taking.delete(id));
  }

  #run(record: OperationRecord, lease: KeptLease): void {
    if (this.#isStopped) return void lease.release();
    const run = new OperationRun(record, lease, this.services);
    const working = run.work().finally(() => {
      this.#runs.delete(record.id);
      this.#tryLater(record.id, RETRY_MS);
      void this.#takeWaiting();
    });
    this.#runs.set(record.id, { run, working });
  }

  /** What has waited for a free place, and what has changed while it was worked on. */
  async #takeWaiting(): Promise<void> {
    await this.refresh();
    for (const record of this.#open.values()) if (!this.#retries.has(record.id)) this.#take(record);
  }

  #tryLater(id: string, delayMs: number): void {
    if (this.#isStopped || this.#retries.has(id)) return;
    const cancel = this.clock.schedule(spreadMs(Math.max(delayMs, RETRY_MS), 0.1), () => {
      this.#retries.delete(id);
      const record = this.#open.get(id);
      if (record) this.#take(record);
    });
    this.#retries.set(id, cancel);
  }

  #read({ key, value }: ControlEntry): OperationRecord | undefined {
    try {
      return recordSchema.parse(JSON.parse(value));
    } catch {
      this.#logger.warn(`"${key}" of the control store cannot be read here, and is left to newer processes.`);
      return undefined;
    }
  }
}
