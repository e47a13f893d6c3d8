/** One file because the rules of a request and the operation that is made of it are read together. */

import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { KeptLease } from '../control/kept-lease.js';
import { AuditLog } from '../dead-letters/audit-log.js';
import type { ReplayPublisher } from '../dead-letters/replay-publisher.js';
import { storeWithDeadline } from '../dead-letters/store-with-deadline.js';
import { uuidV7 } from '../message/ids.js';
import {
  CONTROL_STORE,
  DEAD_LETTER_STORE,
  MESSAGING_CLOCK,
  MESSAGING_EMIT,
  REPLAY_PUBLISHER,
} from '../messaging.tokens.js';
import type { MessagingEvent } from '../observing/events.js';
import type { ControlStore } from '../ports/control-store.js';
import { matchesFilter } from '../ports/dead-letter-filter.js';
import type { DeadLetterFilter, DeadLetterStore, DeadLetterSummary } from '../ports/dead-letter-store.js';
import { MessagingError } from '../ports/errors.js';
import type { Clock } from '../ports/transport.js';
import { pause } from '../transport-kit/backoff.js';
import { frozenFilter, laneOf, MAX_SELECTED, PART_SIZE, takenStatuses } from './freeze.js';
import {
  hasEnded,
  NO_COUNTS,
  type Operation,
  type OperationItem,
  type OperationKind,
  type OperationSelection,
} from './operation.js';
import { type OperationPlan, planOf } from './operation-plan.js';
import { operationOf, type OperationRecord } from './operation-record.js';
import { OperationRunner } from './operation-runner.js';
import { type FrozenLetter, OperationStore } from './operation-store.js';
import { mayOverlap } from './overlap.js';

export const RATE = { min: 0.1, max: 500, default: 50 } as const;
/** Ids that a selection may name. */
export const MAX_IDS = PART_SIZE;
const DEFAULT_ABORT_RATIO = 0.2;
const MAX_OPEN = 20;
/** Longer than any one request to the store takes. */
const LOCK_MS = 20_000;
const LOCK_PATIENCE_MS = 5_000;
const LOCK_RETRY_MS = 50;
const MAX_WAIT_MS = 10_000;
const LOOK_MS = 100;

/** An operation to make. */
export interface OperationRequest {
  readonly kind: OperationKind;
  /** At most 1,000 ids, or a filter. Without a status it takes `failed` letters, a restore and a discard `archived` ones. */
  readonly selection: OperationSelection;
  /** Takes the oldest so many only, to try it out. @default all, which may be 200,000 at most */
  readonly maxCount?: number | undefined;
  /** Letters a second, 0.1 to 500. @default 50 */
  readonly ratePerSecond?: number | undefined;
  /** Ends a replay once more than this share of a sample has failed again, 0 to 1. @default 0.2 */
  readonly abortRatio?: number | undefined;
  /** Refused when another number matches: what a dry run has counted. */
  readonly expectedCount?: number | undefined;
  /** Also takes letters whose state forbids it: a replay `replayed` ones, whose message may be handled twice; a discard any. */
  readonly force?: boolean | undefined;
  readonly actor: string;
  readonly reason?: string | undefined;
  /** The same request of the same actor with the same key makes one operation, for a day. */
  readonly idempotencyKey?: string | undefined;
}

/** What an operator orders for an operation that has not ended. */
export interface OperationOrder {
  readonly state?: 'running' | 'paused' | 'cancelled' | undefined;
  readonly ratePerSecond?: number | undefined;
  /** Does nothing unless the operation has this tag. */
  readonly ifTag?: string | undefined;
  readonly actor: string;
  readonly reason?: string | undefined;
}

export interface OperationItems {
  readonly items: readonly OperationItem[];
  /** Pass it as `after` to get the next page. Absent on the last one. */
  readonly next?: number;
}

/**
 * Work on many dead letters: replay, archive, restore, discard. An operation is stored, survives the process that began it, and
 * is continued by any other that shares the control store.
 *
 * Methods reject with `NOT_FOUND`, `CONFLICT`, `OPTION_INVALID`, `REVISION_CHANGED` or `STORE_UNAVAILABLE`, and those that change
 * something with `AUDIT_UNAVAILABLE`; nothing has changed then.
 */
@Injectable()
export class OperationsService implements OnModuleDestroy {
  readonly #letters: DeadLetterStore;
  readonly #operations: OperationStore;
  readonly #runner: OperationRunner;

  // eslint-disable-next-line max-params -- dependency injection
  constructor(
    @Inject(CONTROL_STORE) private readonly control: ControlStore,
    @Inject(DEAD_LETTER_STORE) store: DeadLetterStore,
    @Inject(REPLAY_PUBLISHER) publisher: ReplayPublisher,
    @Inject(MESSAGING_EMIT) emit: (event: MessagingEvent) => void,
    @Inject(MESSAGING_CLOCK) private readonly clock: Clock,
    private readonly audit: AuditLog,
  ) {
    this.#letters = storeWithDeadline(store, clock);
    this.#operations = new OperationStore(control, clock);
    const letters = { store: this.#letters, publisher, emit, clock };
    this.#runner = new OperationRunner(control, clock, { operations: this.#operations, letters, audit });
  }

  /** `shared`: all processes that use the same control store work on operations; `process`: this one only. */
  get scope(): 'shared' | 'process' {
    return this.#operations.isLocal ? 'process' : 'shared';
  }

  /** Begins to work on operations. Called by the core once it is connected. */
  start(): Promise<void> {
    return this.#runner.start();
  }

  /** What an operation that is made now would do. Reads no letter of a filter. */
  plan(request: OperationRequest): Promise<OperationPlan> {
    checked(request);
    return planOf(this.#letters, request, this.clock.now());
  }

  /** Resolves once it is stored. */
  async create(request: OperationRequest): Promise<Operation> {
    checked(request);
    const { idempotencyKey, actor } = request;
    let id = uuidV7(this.clock.now());
    if (idempotencyKey !== undefined) {
      id = await this.#operations.claimRequest(`${actor}\n${idempotencyKey}`, JSON.stringify(request), id);
      const made = await this.#operations.find(id);
      if (made) return operationOf(made);
    }
    const record = await this.#alone((lock) => this.#add(id, request, lock));
    await this.#runner.refresh();
    return operationOf((await this.#operations.find(id)) ?? record);
  }

  /** Newest first. */
  async list(): Promise<readonly Operation[]> {
    return (await this.#operations.list()).map(operationOf);
  }

  /** @param waitMs resolves earlier than that once it has ended, 0 to 10,000. */
  async find(id: string, waitMs = 0): Promise<Operation> {
    const until = this.clock.monotonic() + Math.min(waitMs, MAX_WAIT_MS);
    for (;;) {
      const record = await this.#operations.find(id);
      if (!record) throw notFound(id);
      if (hasEnded(record) || this.clock.monotonic() >= until) return operationOf(record);
      await pause(LOOK_MS, this.clock);
    }
  }

  /** Its letters in the order of the work, a stored part at a time. @param after what the page before has returned as `next` */
  async items(id: string, after = 0): Promise<OperationItems> {
    const record = await this.#operations.find(id);
    if (!record) throw notFound(id);
    const { frozen } = record;
    if (!frozen || after >= frozen.parts) return { items: [] };
    const letters = await this.#operations.letters(frozen.place, after);
    const { outcomes } = await this.#operations.results(id, after);
    return {
      items: letters.map((letter, nth) => itemOf(letter.id, outcomes[nth])),
      ...(after + 1 < frozen.parts && { next: after + 1 }),
    };
  }

  /**
   * Carries out an order, recorded in the audit log. The process that works on the operation follows within two seconds.
   *
   * Rejects with `CONFLICT` when it has ended, and with `REVISION_CHANGED` when it has another tag.
   */
  async change(id: string, order: OperationOrder): Promise<Operation> {
    const { actor, reason } = order;
    checkRate(order.ratePerSecond);
    const action = { action: actionOf(order), id, actor, ...(reason !== undefined && { reason }) };
    return this.audit.change(action, async () => {
      const written = await this.#operations.update(id, (record) => ordered(record, order, this.clock.now()));
      if (!written) throw notFound(id);
      await this.#runner.refresh();
      return operationOf(written);
    });
  }

  /** An operation that has not ended and will take this letter. */
  holding(letter: DeadLetterSummary): Operation | undefined {
    const found = this.#runner.open.find(
      ({ kind, selection, snapshotAt }) =>
        'filter' in selection && matchesFilter(letter, frozenFilter(kind, selection.filter, snapshotAt)),
    );
    return found && operationOf(found);
  }

  /** Ends the work of this process, waiting for letters in flight. */
  onModuleDestroy(): Promise<void> {
    return this.#runner.stop();
  }

  async #add(id: string, request: OperationRequest, lock: KeptLease): Promise<OperationRecord> {
    const { kind, selection, actor, reason } = request;
    const open = (await this.#operations.list()).filter((record) => !hasEnded(record));
    if (open.length >= MAX_OPEN)
      throw new MessagingError(
        'CONFLICT',
        `${open.length} operations have not ended. Wait for one, or cancel it.`,
      );
    for (const other of open) if (await this.#overlaps(other, selection)) throw overlapping(other);
    const record = await this.#recordOf(id, request);
    await this.audit.begin({
      action: `${kind}-operation`,
      id,
      actor,
      ...(reason !== undefined && { reason }),
      counts: { selected: record.counts.selected },
      ...('filter' in selection && { filter: selection.filter }),
    });
    if (!lock.isHeld)
      throw new MessagingError('STORE_UNAVAILABLE', 'The control store did not answer in time.');
    await this.#operations.add(record);
    return record;
  }

  async #recordOf(id: string, request: OperationRequest): Promise<OperationRecord> {
    const { kind, selection, maxCount = Infinity, actor, reason, force } = request;
    const snapshotAt = this.clock.now();
    const begun = {
      ...{ id, kind, snapshotAt, force, actor, reason, maxCount: request.maxCount },
      state: 'queued',
      ratePerSecond: request.ratePerSecond ?? RATE.default,
      abortRatio: request.abortRatio ?? DEFAULT_ABORT_RATIO,
      ...{ orders: 0, fence: 0, part: 0 },
    } as const;
    if ('filter' in selection) {
      const { filter } = selection;
      const matching = await this.#letters.count(frozenFilter(kind, filter, snapshotAt));
      checkCount(request, matching);
      const counts = { ...NO_COUNTS, selected: Math.min(matching, maxCount) };
      const topics = filter.topic === undefined ? undefined : [filter.topic];
      return { ...begun, selection: { filter }, topics, counts };
    }
    const ids = distinct(selection.ids);
    checkCount(request, ids.length);
    const { letters, topics } = await this.#lettersOf(ids.slice(0, maxCount));
    const frozen = { place: `${id}/0`, parts: 1 };
    await this.#operations.freeze(frozen.place, 0, letters);
    const counts = { ...NO_COUNTS, selected: letters.length };
    return { ...begun, selection: { ids: ids.length }, topics, counts, frozen };
  }

  /** Ids of the core sort by time. */
  async #lettersOf(
    ids: readonly string[],
  ): Promise<{ readonly letters: readonly FrozenLetter[]; readonly topics: string[] }> {
    const letters: FrozenLetter[] = [];
    const topics = new Set<string>();
    for (const [nth, id] of ids.entries()) {
      const letter = await this.#letters.find(id);
      letters.push({ id, at: letter?.deadLetteredAt ?? 0, lane: letter ? laneOf(letter, nth) : 0 });
      if (letter) topics.add(letter.topic);
    }
    return { letters, topics: [...topics] };
  }

  /** Letters that are named by their ids are looked at; of two filters, it is enough that a letter might match both. */
  async #overlaps(
    { selection, frozen, snapshotAt }: OperationRecord,
    wanted: OperationSelection,
  ): Promise<boolean> {
    if ('filter' in selection) {
      const filter = { ...selection.filter, to: snapshotAt };
      return 'filter' in wanted ? mayOverlap(wanted.filter, filter) : this.#anyMatches(wanted.ids, filter);
    }
    const named = frozen ? (await this.#operations.letters(frozen.place, 0)).map(({ id }) => id) : [];
    if ('filter' in wanted) return this.#anyMatches(named, wanted.filter);
    const own = new Set(wanted.ids);
    return named.some((id) => own.has(id));
  }

  async #anyMatches(ids: readonly string[], { status: _, ...filter }: DeadLetterFilter): Promise<boolean> {
    for (const id of ids) {
      const letter = await this.#letters.find(id);
      if (letter && matchesFilter(letter, filter)) return true;
    }
    return false;
  }

  /** One operation is made after the other, in all processes. */
  async #alone<T>(work: (lock: KeptLease) => Promise<T>): Promise<T> {
    const until = this.clock.monotonic() + LOCK_PATIENCE_MS;
    for (;;) {
      const lease = await KeptLease.acquire(this.control, 'operations', LOCK_MS, this.clock);
      if (lease instanceof KeptLease)
        try {
          return await work(lease);
        } finally {
          await lease.release();
        }
      if (this.clock.monotonic() >= until)
        throw new MessagingError('CONFLICT', 'Another operation is being made. Try again.');
      await pause(LOCK_RETRY_MS, this.clock);
    }
  }
}

/** @throws MessagingError `OPTION_INVALID`. */
function checked(request: OperationRequest): void {
  const { selection, maxCount, ratePerSecond, abortRatio, expectedCount } = request;
  if ('ids' in selection && (selection.ids.length < 1 || selection.ids.length > MAX_IDS))
    throw invalid(`A selection names ${selection.ids.length} ids; name 1 to ${MAX_IDS}, or use a filter.`);
  checkStatus(request);
  if (maxCount !== undefined && !isWhole(maxCount, 1, MAX_SELECTED))
    throw invalid(`maxCount is ${maxCount}; use a whole number from 1 to ${MAX_SELECTED}.`);
  if (expectedCount !== undefined && !isWhole(expectedCount, 0, Number.MAX_SAFE_INTEGER))
    throw invalid(`expectedCount is ${expectedCount}; use a whole number from 0.`);
  if (!isWithin(abortRatio, 0, 1))
    throw invalid(`abortRatio is ${abortRatio}; use a share from 0 to 1, where 1 never ends it.`);
  checkRate(ratePerSecond);
}

function checkStatus({ kind, selection, force = false }: OperationRequest): void {
  const status = 'filter' in selection ? selection.filter.status : undefined;
  const taken = takenStatuses(kind, force);
  if (status !== undefined && !taken.includes(status))
    throw invalid(
      `A ${kind} does not take dead letters that are ${status}: use ${taken.join(', ')}, or no status.`,
    );
}

/** @throws MessagingError `CONFLICT` or `OPTION_INVALID`. */
function checkCount({ expectedCount, maxCount }: OperationRequest, matching: number): void {
  if (expectedCount !== undefined && expectedCount !== matching)
    throw new MessagingError(
      'CONFLICT',
      `${matching} dead letters match, and ${expectedCount} were expected. Look at them again, then decide.`,
    );
  if (matching > MAX_SELECTED && maxCount === undefined)
    throw new MessagingError(
      'OPTION_INVALID',
      `${matching} dead letters match, and an operation takes ${MAX_SELECTED} at most. Narrow the filter, or set maxCount.`,
    );
}

function checkRate(ratePerSecond: number | undefined): void {
  if (!isWithin(ratePerSecond, RATE.min, RATE.max))
    throw invalid(`ratePerSecond is ${ratePerSecond}; use a number from ${RATE.min} to ${RATE.max}.`);
}

function isWithin(value: number | undefined, min: number, max: number): boolean {
  return value === undefined || (value >= min && value <= max);
}

function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort();
}

/** The record as the order makes it. @throws MessagingError `CONFLICT` or `REVISION_CHANGED`. */
function ordered(record: OperationRecord, order: OperationOrder, now: number): OperationRecord | undefined {
  const { id, state, orders } = record;
  if (order.ifTag !== undefined && order.ifTag !== operationOf(record).tag)
    throw new MessagingError(
      'REVISION_CHANGED',
      `Operation "${id}" was changed meanwhile. Read it again, then decide.`,
    );
  if (hasEnded(record) || state === 'cancelling')
    throw new MessagingError('CONFLICT', `Operation "${id}" is ${state}, and takes no orders any more.`);
  const next = { ...record, orders: orders + 1, ratePerSecond: order.ratePerSecond ?? record.ratePerSecond };
  return order.state === undefined ? next : { ...next, ...stateOf(record, order.state, now) };
}

function stateOf(
  { state, fence }: OperationRecord,
  wanted: NonNullable<OperationOrder['state']>,
  now: number,
): Partial<OperationRecord> {
  if (wanted === 'paused') return { state: 'paused' };
  if (wanted === 'running') return { state: state === 'paused' ? 'queued' : state };
  // Nothing of it is in flight where no process has begun it.
  return fence === 0 ? { state: 'cancelled', finishedAt: now } : { state: 'cancelling' };
}

function actionOf({ state }: OperationOrder): string {
  if (state === undefined) return 'limit-operation';
  return { running: 'resume-operation', paused: 'pause-operation', cancelled: 'cancel-operation' }[state];
}

function itemOf(
  id: string,
  outcome: { readonly result: OperationItem['result']; readonly code?: string | undefined } | undefined,
): OperationItem {
  if (!outcome) return { id, result: 'pending' };
  return { id, result: outcome.result, ...(outcome.code !== undefined && { code: outcome.code }) };
}

function notFound(id: string): MessagingError {
  return new MessagingError('NOT_FOUND', `There is no operation ${JSON.stringify(id.slice(0, 80))}.`);
}

function overlapping({ id, kind, state }: OperationRecord): MessagingError {
  return new MessagingError(
    'CONFLICT',
    `Operation "${id}" (${kind}, ${state}) takes letters of this selection. Wait until it has ended, or cancel it.`,
  );
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}

function invalid(text: string): MessagingError {
  return new MessagingError('OPTION_INVALID', text);
}
