import type { HandlerIdentity } from '../../../../core/messaging/observing/events.js';
import { DEAD_LETTER_REASONS } from '../../../../core/messaging/ports/dead-letter-store.js';
import { Counts } from './counts.js';
import { FixedHistogram, LATENCY_BOUNDS, PROCESS_BOUNDS } from './fixed-histogram.js';
import { type LabelLimits, OTHER } from './label-limits.js';

/** The counts of one handler. */
export class HandlerSeries {
  /** Deliveries by transport, each in an object, so that counting is one look-up. */
  readonly consumedByTransport = new Map<string, { count: number }>();
  readonly succeeded = new FixedHistogram(PROCESS_BOUNDS);
  readonly failed = new FixedHistogram(PROCESS_BOUNDS);
  readonly latency = new FixedHistogram(LATENCY_BOUNDS);
  /** By error type and disposition. */
  readonly failures = new Counts();
  /** By reason. */
  readonly deadLettered = new Counts();
  /** By outcome. */
  readonly replays = new Counts();
  /** By reason. */
  readonly postponed = new Counts();
  /** Of a handler of requests, by reason. */
  readonly droppedRequests = new Counts();
  retries = 0;
  redeliveries = 0;
  duplicates = 0;
  invalid = 0;
  /** Milliseconds since 1970; 0 before the first. */
  lastSuccessAt = 0;
  /** Has handled a message since `lastSuccessAt` was written. */
  succeededSince = false;

  constructor(readonly identity: HandlerIdentity) {
    for (const reason of DEAD_LETTER_REASONS) this.deadLettered.add(reason, '', 0);
    for (const outcome of ['resolved', 'failed_again']) this.replays.add(outcome, '', 0);
  }

  consumedFrom(transport: string): { count: number } {
    let box = this.consumedByTransport.get(transport);
    if (!box) this.consumedByTransport.set(transport, (box = { count: 0 }));
    return box;
  }
}

/** Most identity objects that are cached. The core creates one for each handler; the limit guards against more. */
const MAX_IDENTITIES = 10_000;

/** The series of every handler, looked up by the identity object in events. */
export class HandlerTable {
  readonly #byIdentity = new Map<HandlerIdentity, HandlerSeries>();
  readonly #byName = new Map<string, HandlerSeries>();
  readonly #limits: LabelLimits;
  #overflow: HandlerSeries | undefined;

  constructor(limits: LabelLimits) {
    this.#limits = limits;
  }

  of(identity: HandlerIdentity): HandlerSeries {
    return this.#byIdentity.get(identity) ?? this.#find(identity);
  }

  all(): HandlerSeries[] {
    return [...this.#byName.values(), ...(this.#overflow ? [this.#overflow] : [])];
  }

  #find(identity: HandlerIdentity): HandlerSeries {
    const { topic, group, handler } = identity;
    const name = `${topic}\n${group}\n${handler}`;
    let series = this.#byName.get(name);
    if (!series) {
      if (!this.#limits.admitPair(topic, group)) {
        this.#overflow ??= new HandlerSeries({ topic: OTHER, group: OTHER, handler: OTHER });
        return this.#overflow;
      }
      series = new HandlerSeries({ topic, group, handler });
      this.#byName.set(name, series);
    }
    if (this.#byIdentity.size < MAX_IDENTITIES) this.#byIdentity.set(identity, series);
    return series;
  }
}
