import { appendHistory } from '../dead-letters/attempt-history.js';
import { errorTypeOf } from '../dead-letters/error-description.js';
import { DeadLetterParking, type DeadLetterSink } from './dead-letter-parking.js';
import { DeliveryReports } from './delivery-reports.js';
import { type Ending, HandlerRunner } from './handler-runner.js';
import { DeliveryInProgress, type HandOver } from './delivery-in-progress.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import { IdempotencyStep } from './idempotency-step.js';
import type { KillSwitchPass } from './kill-switch.js';
import type { IdempotencyStore } from '../ports/idempotency-store.js';
import {
  continueAttempts,
  readPayload,
  refuseExpired,
  refuseHeaders,
  refuseIds,
  refuseUnacceptable,
  refuseUsedUp,
} from './delivery-checks.js';
import type { MessageLimits } from '../message/message-limits.js';
import { PermanentError } from '../ports/errors.js';
import { runClean } from '../observing/clean-context.js';
import type { MessagingEvent } from '../observing/events.js';
import {
  boundedMs,
  type FailureOutcome,
  judgeFailure,
  type Outcome,
  type PostponedOutcome,
} from './outcome.js';
import type { Clock, Delivery, Settlement } from '../ports/transport.js';

export interface ProcessorOptions {
  readonly parking: DeadLetterSink;
  readonly idempotency: IdempotencyStore | undefined;
  readonly limits: MessageLimits;
  readonly clock: Clock;
  readonly emit: (event: MessagingEvent) => void;
}

/** What the steps work with. Each names the part that it needs. */
export interface PipelineTools {
  readonly clock: Clock;
  readonly limits: MessageLimits;
  readonly idempotency: IdempotencyStep | undefined;
  readonly runs: HandlerRunner;
  readonly deadLetters: DeadLetterParking;
  readonly reports: DeliveryReports;
}

const ACK: Settlement = { kind: 'ack' };
const HANDLED: Outcome = { kind: 'handled' };
/** A bug in a step, or a rule that throws. */
const UNFORESEEN: Settlement = { kind: 'retry', delayMs: 5_000 };
/** Longest wait for a copy that holds the claim: it may finish long before its lease ends. */
const MAX_CLAIMED_DELAY_MS = 30_000;
/** Wait of a message whose idempotency store has not answered for 15 s. */
const STORE_DOWN_DELAY_MS = 5_000;

/**
 * Decides what becomes of every delivery, in six steps:
 *
 *     admit > decode > claim > run > judge > settle
 *
 * The error of a step before `run` goes to `judge`. A message that another copy has claimed goes to `settle` at once.
 */
export class DeliveryProcessor {
  readonly #tools: PipelineTools;

  constructor({ parking, idempotency, limits, clock, emit }: ProcessorOptions) {
    const reports = new DeliveryReports(clock, emit);
    this.#tools = {
      clock,
      limits,
      reports,
      runs: new HandlerRunner(clock, (handling, ending) => this.#end(handling, ending)),
      deadLetters: new DeadLetterParking(parking, clock, (entry, error) =>
        reports.storeFailed('dead-letters', entry, error),
      ),
      idempotency:
        idempotency &&
        new IdempotencyStep(idempotency, clock, (entry, error) =>
          reports.storeFailed('idempotency', entry, error),
        ),
    };
  }

  /**
   * Runs the handler at most once, in an asynchronous context of its own. Always resolves to a settlement, never rejects.
   *
   * @param handOver what counts the deliveries in flight, and the pass of a kill switch.
   */
  process(
    entry: HandlerEntry,
    delivery: Delivery,
    handOver: HandOver = { load: { active: 0 } },
  ): Promise<Settlement> {
    return new Promise((resolve) => {
      const handling = new DeliveryInProgress(entry, delivery, handOver, resolve);
      this.#tools.reports.delivered(handling);
      runClean(() => this.#begin(handling));
    });
  }

  /** Stops waiting for running handlers; their messages come back as the same attempt. Returns how many. */
  abandon(): number {
    return this.#tools.runs.abandon();
  }

  #begin(handling: DeliveryInProgress): void {
    try {
      admit(handling, this.#tools);
      const payload = decode(handling, this.#tools);
      // Most messages wait for neither, and a promise for nothing is among the larger costs of a message.
      if (needsClaim(handling) || payload instanceof Promise) void this.#claimAndRun(handling, payload);
      else this.#run(handling, payload);
    } catch (error) {
      this.#end(handling, { kind: 'failed', error });
    }
  }

  async #claimAndRun(handling: DeliveryInProgress, decoding: unknown): Promise<void> {
    try {
      const payload = await decoding;
      const outcome = await claim(handling, this.#tools);
      if (outcome) this.#settle(handling, outcome);
      else this.#run(handling, payload);
    } catch (error) {
      this.#end(handling, { kind: 'failed', error });
    }
  }

  #run(handling: DeliveryInProgress, payload: unknown): void {
    const unparked = this.#tools.deadLetters.unparked(handling);
    if (unparked) this.#settle(handling, unparked);
    else run(handling, payload, this.#tools);
  }

  #end(handling: DeliveryInProgress, ending: Ending): void {
    try {
      this.#settle(handling, judge(handling, ending));
    } catch {
      // Every step handles the errors that it expects; the others must not lose the message.
      handling.settle(UNFORESEEN);
    }
  }

  #settle(handling: DeliveryInProgress, outcome: Outcome): void {
    const settlement = settle(handling, outcome, this.#tools);
    if (!(settlement instanceof Promise)) handling.settle(settlement);
    else void settlement.catch(() => UNFORESEEN).then((later) => handling.settle(later));
  }
}

/**
 * Refuses a message that must not reach its handler: its transport could not read it, it has too many headers or a malformed id, it has expired, or its attempts
 * are used up. The last of those took the process down with it, and another would do the same.
 *
 * With an idempotency window `claim` checks the attempts, so that a copy of a handled message is not parked.
 */
export function admit(
  handling: DeliveryInProgress,
  { clock, limits }: Pick<PipelineTools, 'clock' | 'limits'>,
): void {
  refuseUnacceptable(handling.delivery);
  refuseHeaders(handling.delivery, limits);
  refuseIds(handling.delivery);
  refuseExpired(handling.delivery, clock);
  if (!needsClaim(handling)) refuseUsedUp(handling.attempt, handling.entry);
}

/** The payload, decoded and validated: a promise only where the schema validates asynchronously. */
export function decode(
  { entry, delivery }: DeliveryInProgress,
  { limits }: Pick<PipelineTools, 'limits'>,
): unknown {
  return readPayload(entry, delivery, limits);
}

/**
 * Claims the message for its handler, where there is an idempotency window. Resolves to the outcome of a message that
 * another copy of it has had or has, and to nothing once the handler may run.
 */
export async function claim(
  handling: DeliveryInProgress,
  { idempotency }: Pick<PipelineTools, 'idempotency'>,
): Promise<Outcome | undefined> {
  if (!needsClaim(handling)) return undefined;
  // Without a store the registry refuses a window when the application starts.
  const answer = await idempotency?.claim(handling);
  if (!answer) {
    return { kind: 'postponed', reason: 'idempotency-unavailable', delayMs: STORE_DOWN_DELAY_MS };
  }
  if (answer.kind === 'done') return { kind: 'duplicate' };
  if (answer.kind === 'busy') {
    const delayMs = boundedMs(answer.retryAfterMs, MAX_CLAIMED_DELAY_MS) ?? MAX_CLAIMED_DELAY_MS;
    return { kind: 'postponed', reason: 'claimed', delayMs };
  }
  handling.token = answer.token;
  refuseUsedUp(handling.attempt, handling.entry);
  return undefined;
}

/** Runs the handler with its guards, pipes, interceptors and filters, under its timeout. The runs report how it ended. */
export function run(
  handling: DeliveryInProgress,
  payload: unknown,
  { runs }: Pick<PipelineTools, 'runs'>,
): void {
  runs.run(handling, payload);
}

/** What becomes of the message, by how its run ended or by the error of a step before. */
export function judge(handling: DeliveryInProgress, ending: Ending): Outcome {
  const { entry, attempt, pass, startedAt } = handling;
  if (ending.kind === 'done') {
    pass?.killSwitch.succeeded(pass);
    return HANDLED;
  }
  const outcome = judgeFailure(ending.error, attempt, entry.policy);
  // Before it has begun, a failure says nothing about what the handler depends on.
  return pass && startedAt !== undefined ? judgeByKillSwitch(pass, ending.error, outcome) : outcome;
}

/** A failure that opens the switch uses no attempt, unless the message can never succeed. */
function judgeByKillSwitch(pass: KillSwitchPass, error: unknown, outcome: Outcome): Outcome {
  const isFinal = outcome.kind === 'postponed' || error instanceof PermanentError;
  if (isFinal || !pass.killSwitch.matches(error)) return outcome;
  pass.killSwitch.failed(pass, error);
  return { kind: 'postponed', reason: 'kill-switch', delayMs: pass.killSwitch.delayMs, error };
}

/**
 * Stores what the outcome asks for, then returns what the transport has to do. A promise only where a store takes part
 * or the handler failed.
 *
 * Stores first, acknowledges second: a message that cannot be parked is delivered again, as the same attempt.
 */
export function settle(
  handling: DeliveryInProgress,
  outcome: Outcome,
  tools: Pick<PipelineTools, 'clock' | 'idempotency' | 'deadLetters' | 'reports'>,
): Settlement | Promise<Settlement> {
  switch (outcome.kind) {
    case 'handled':
      return settleHandled(handling, tools);
    case 'duplicate':
      tools.reports.duplicate(handling);
      return ACK;
    case 'postponed':
      return settlePostponed(handling, outcome, tools);
    case 'retry':
    case 'discard':
    case 'dead-letter':
      return settleFailed(handling, outcome, tools);
  }
}

type SettleTools = Parameters<typeof settle>[2];

function settleHandled(
  handling: DeliveryInProgress,
  { idempotency, deadLetters, reports }: SettleTools,
): Settlement | Promise<Settlement> {
  if (handling.token === undefined && handling.replayOf === undefined) {
    reports.handled(handling);
    return ACK;
  }
  return Promise.all([idempotency?.complete(handling), deadLetters.resolve(handling)]).then(() => {
    reports.handled(handling);
    return ACK;
  });
}

function settlePostponed(
  handling: DeliveryInProgress,
  { reason, delayMs, error }: PostponedOutcome,
  { idempotency, reports }: SettleTools,
): Settlement | Promise<Settlement> {
  reports.postponed(handling, { reason, delayMs, error });
  const settlement: Settlement = { kind: 'retry', delayMs, countsAttempt: false };
  if (handling.token === undefined || !idempotency) return settlement;
  return idempotency.release(handling).then(() => settlement);
}

async function settleFailed(
  handling: DeliveryInProgress,
  outcome: FailureOutcome,
  { clock, idempotency, deadLetters, reports }: SettleTools,
): Promise<Settlement> {
  const { delivery, attempt } = handling;
  await (outcome.kind === 'discard' ? idempotency?.complete(handling) : idempotency?.release(handling));
  if (outcome.kind === 'dead-letter') {
    const parking = await deadLetters.park(handling, outcome);
    if (parking.kind === 'unparked') {
      const { reason, delayMs } = parking;
      reports.postponed(handling, { reason, delayMs });
      return { kind: 'retry', delayMs, countsAttempt: false };
    }
  }
  reports.failed(handling, outcome);
  if (outcome.kind !== 'retry') return ACK;
  const failedAttempt = { attempt, at: clock.now(), errorType: errorTypeOf(outcome.error) };
  const headers = {
    ...appendHistory(delivery.message.headers, failedAttempt),
    ...continueAttempts(delivery),
  };
  return { kind: 'retry', delayMs: outcome.delayMs, headers };
}

function needsClaim({ entry }: DeliveryInProgress): boolean {
  return entry.idempotencyWindowMs > 0;
}
