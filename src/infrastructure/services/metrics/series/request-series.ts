import type { MessagingEvent } from '../../../../core/messaging/observing/events.js';
import { Counts } from './counts.js';
import { FixedHistogram, PROCESS_BOUNDS } from './fixed-histogram.js';
import type { LabelLimits } from './label-limits.js';

type Ended = Extract<MessagingEvent, { type: 'request-ended' }>;

/** Counts of the requests that this process sends. */
export class RequestSeries {
  /** By topic, then outcome. */
  readonly durations = new Map<string, Map<Ended['outcome'], FixedHistogram>>();
  /** By topic, then error type. */
  readonly failures = new Counts();
  /** By transport and reason. */
  readonly droppedReplies = new Counts();
  /** By topic. */
  readonly inFlight = new Counts();

  constructor(private readonly limits: LabelLimits) {}

  began(topic: string): void {
    this.inFlight.add(this.#label(topic));
  }

  ended({ topic, outcome, durationMs, errorCode }: Ended): void {
    const label = this.#label(topic);
    this.inFlight.add(label, '', -1);
    if (errorCode !== undefined) this.failures.add(label, this.limits.errorType(errorCode));
    let byOutcome = this.durations.get(label);
    if (!byOutcome) this.durations.set(label, (byOutcome = new Map<Ended['outcome'], FixedHistogram>()));
    let histogram = byOutcome.get(outcome);
    if (!histogram) byOutcome.set(outcome, (histogram = new FixedHistogram(PROCESS_BOUNDS)));
    histogram.observe(durationMs / 1000);
  }

  #label(topic: string): string {
    // Looks up the topic itself first: a call of the limits would count an overflow twice.
    return this.durations.has(topic) ? topic : this.limits.topic(topic);
  }
}
