import { systemClock } from '../../../../core/messaging/ports/clock.js';
import { errorTypeOf } from '../../../../core/messaging/dead-letters/error-description.js';
import type {
  HandlerIdentity,
  MessagingEvent,
  MessagingObserver,
} from '../../../../core/messaging/observing/events.js';
import { Counts } from '../series/counts.js';
import { type HandlerSeries, HandlerTable } from '../series/handler-series.js';
import { LabelLimits } from '../series/label-limits.js';
import { TransportReports } from '../series/transport-reports.js';
import { RequestSeries } from '../series/request-series.js';
import { PublishSeries } from '../series/publish-series.js';

/** Resolution of the time of the last success. */
const STAMP_DELAY_MS = 250;

type Reactions = { readonly [E in MessagingEvent as E['type']]: (event: E) => void };

/**
 * Counts events in plain numbers: a message costs a map look-up and a few increments. Values are formatted on
 * scrape.
 */
export class MessagingMetrics implements MessagingObserver {
  readonly limits = new LabelLimits();
  readonly handlers = new HandlerTable(this.limits);
  readonly published = new PublishSeries(this.limits);
  readonly requests = new RequestSeries(this.limits);
  /** By transport and event. */
  readonly connectionEvents = new Counts();
  readonly transportReports = new TransportReports(this.limits);
  /** By operation and outcome. */
  readonly deadLetterOperations = new Counts();
  /** By the status that they had, and the cause. */
  readonly deadLettersRemoved = new Counts();
  /** By action and outcome. */
  readonly adminActions = new Counts();
  /** By action. */
  readonly auditMissed = new Counts();
  /** By store. */
  readonly storeFailures = new Counts();
  readonly #unstamped: HandlerSeries[] = [];
  #cancelStamp: (() => void) | undefined;

  readonly #reactions: Reactions = {
    published: (event) => this.published.add(event),
    'publish-rejected': (event) => this.published.reject(event.topic, event.errorCode),
    'publish-failed': () => undefined, // counted as published or rejected
    delivered: (event) => this.#delivered(event),
    handled: (event) => this.#handled(event),
    failed: (event) => this.#failed(event),
    'duplicate-suppressed': ({ to }) => {
      this.handlers.of(to).duplicates += 1;
    },
    postponed: ({ to, reason }) => this.handlers.of(to).postponed.add(reason),
    requested: ({ topic }) => this.requests.began(topic),
    'request-ended': (event) => this.requests.ended(event),
    'request-dropped': ({ to, reason }) => this.handlers.of(to).droppedRequests.add(reason),
    'reply-dropped': ({ transport, reason }) => this.requests.droppedReplies.add(transport, reason),
    'store-failed': ({ store }) => this.storeFailures.add(store),
    'dead-letter-changed': () => undefined, // the number of dead letters is read from the store
    'dead-letter-removed': ({ status, cause }) => this.deadLettersRemoved.add(status, cause),
    'dead-letter-operation': ({ operation, outcome }) => this.deadLetterOperations.add(operation, outcome),
    'admin-action': ({ action, outcome }) => this.adminActions.add(action, outcome),
    'audit-missed': ({ action }) => this.auditMissed.add(action),
    'subscription-changed': () => undefined, // the view of the core has them
    consumer: () => undefined, // the view of the core has them
    'kill-switch': () => undefined, // the view of the core has its state
    transport: ({ transport, event }) => {
      this.connectionEvents.add(transport, event.type);
      this.transportReports.add(transport, event);
    },
  };

  constructor() {
    for (const operation of ['replay', 'archive', 'restore', 'discard']) {
      this.deadLetterOperations.add(operation, 'succeeded', 0);
      this.deadLetterOperations.add(operation, 'failed', 0);
    }
    for (const cause of ['maxAgeMs', 'maxCount', 'maxBytes']) this.deadLettersRemoved.add('failed', cause, 0);
    for (const store of ['dead-letters', 'idempotency']) this.storeFailures.add(store, '', 0);
  }

  on(event: MessagingEvent): void {
    // The compiler cannot see that the type of the event selects its reaction.
    (this.#reactions[event.type] as (event: MessagingEvent) => void)(event);
  }

  /** Creates the series of a handler and its transport before its first message, so that rates start at zero. */
  declareHandler(to: HandlerIdentity, transport: string): void {
    this.handlers.of(to).consumedFrom(transport);
  }

  /** Records the time of successes since the last stamp. */
  stampSuccesses(): void {
    this.#cancelStamp?.();
    this.#cancelStamp = undefined;
    const now = systemClock.now();
    for (const series of this.#unstamped.splice(0)) {
      series.lastSuccessAt = now;
      series.succeededSince = false;
    }
  }

  /** Reading the clock for every message would cost more than all the counting. */
  #stampLater(series: HandlerSeries): void {
    series.succeededSince = true;
    this.#unstamped.push(series);
    this.#cancelStamp ??= systemClock.schedule(STAMP_DELAY_MS, () => this.stampSuccesses());
  }

  #delivered({ to, transport, attempt }: Extract<MessagingEvent, { type: 'delivered' }>): void {
    const series = this.handlers.of(to);
    series.consumedFrom(transport).count += 1;
    if (attempt > 1) series.redeliveries += 1;
  }

  #handled({ to, durationMs, latencyMs, replayed }: Extract<MessagingEvent, { type: 'handled' }>): void {
    const series = this.handlers.of(to);
    series.succeeded.observe(durationMs / 1000);
    if (latencyMs !== undefined) series.latency.observe(latencyMs / 1000);
    if (replayed) series.replays.add('resolved');
    if (!series.succeededSince) this.#stampLater(series);
  }

  #failed(event: Extract<MessagingEvent, { type: 'failed' }>): void {
    const { durationMs, disposition, reason, replayed } = event;
    const series = this.handlers.of(event.to);
    if (durationMs !== undefined) series.failed.observe(durationMs / 1000);
    series.failures.add(this.limits.errorType(errorTypeOf(event.error)), disposition);
    if (disposition === 'retry') series.retries += 1;
    if (disposition === 'dead_letter') {
      series.deadLettered.add(reason);
      if (replayed) series.replays.add('failed_again');
    }
    if (reason === 'validation_failed' || reason === 'deserialization_failed') series.invalid += 1;
  }
}
