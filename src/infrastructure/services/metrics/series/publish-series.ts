import type { MessagingEvent } from '../../../../core/messaging/observing/events.js';
import { Counts } from './counts.js';
import { FixedHistogram, PROCESS_BOUNDS } from './fixed-histogram.js';
import type { LabelLimits } from './label-limits.js';

type Published = Extract<MessagingEvent, { type: 'published' }>;

/** The label values for the outcomes of a publish. */
const OUTCOME = {
  accepted: 'ok',
  spooled: 'spooled',
  unavailable: 'error',
  unknown: 'error',
  refused: 'rejected',
} as const satisfies Record<Published['outcome'], string>;

/** The transport label of a message that failed before a transport was chosen. */
const NO_TRANSPORT = 'none';

/** Counts of publishes, by topic and transport. */
export class PublishSeries {
  /** By topic, then transport: outcome and error type. */
  readonly sent = new Map<string, Map<string, Counts>>();
  /** By transport, then outcome. */
  readonly durations = new Map<string, Map<string, FixedHistogram>>();
  /** By topic. */
  readonly invalid = new Counts();
  readonly #limits: LabelLimits;

  constructor(limits: LabelLimits) {
    this.#limits = limits;
  }

  add({ topic, transport, outcome, count, durationMs, errorCode }: Published): void {
    const errorType = errorCode === undefined ? '' : this.#limits.errorType(errorCode);
    this.#countsOf(topic, transport).add(OUTCOME[outcome], errorType, count);
    this.#durationOf(transport, OUTCOME[outcome]).observe(durationMs / 1000);
  }

  reject(topic: string, errorCode: string): void {
    this.#countsOf(topic, NO_TRANSPORT).add('rejected', this.#limits.errorType(errorCode));
    if (errorCode === 'PAYLOAD_INVALID') this.invalid.add(this.#limits.topic(topic));
  }

  /** Creates the series of a topic before its first message. */
  declare(topic: string, transport: string): void {
    this.#countsOf(topic, transport).add('ok', '', 0);
  }

  #countsOf(topic: string, transport: string): Counts {
    // Looks up the topic itself first: this is the common case, and a call of the limits would count an overflow twice.
    const label = this.sent.has(topic) ? topic : this.#limits.topic(topic);
    let byTransport = this.sent.get(label);
    if (!byTransport) this.sent.set(label, (byTransport = new Map<string, Counts>()));
    let counts = byTransport.get(transport);
    if (!counts) byTransport.set(transport, (counts = new Counts()));
    return counts;
  }

  #durationOf(transport: string, outcome: string): FixedHistogram {
    let byOutcome = this.durations.get(transport);
    if (!byOutcome) this.durations.set(transport, (byOutcome = new Map<string, FixedHistogram>()));
    let histogram = byOutcome.get(outcome);
    if (!histogram) byOutcome.set(outcome, (histogram = new FixedHistogram(PROCESS_BOUNDS)));
    return histogram;
  }
}
