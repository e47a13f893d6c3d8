/** Upper bounds in seconds: those of OpenTelemetry's messaging durations, and three more for slow handlers. */
export const PROCESS_BOUNDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120,
];

/** Upper bounds in seconds from publish until handled, where minutes are normal after an outage. */
export const LATENCY_BOUNDS: readonly number[] = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600];

/** A histogram with fixed buckets that costs a few comparisons and one increment. */
export class FixedHistogram {
  readonly bounds: readonly number[];
  /** One more than there are bounds: the last one is for everything above. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(seconds: number): void {
    const { bounds, counts } = this;
    let index = 0;
    while (index < bounds.length && seconds > (bounds[index] ?? Infinity)) index += 1;
    counts[index] = (counts[index] ?? 0) + 1;
    this.sum += seconds;
  }
}
