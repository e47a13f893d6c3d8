import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { FixedHistogram } from './fixed-histogram.js';

export type Labels = Readonly<Record<string, string>>;

/** One series at the moment of a scrape. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: Labels;
  readonly histogram: FixedHistogram;
}

/** Name, help text and label names of a metric. */
export interface MetricDescription {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** Where metrics go, and what their names begin with. */
export interface Destination {
  readonly registry: Registry;
  readonly prefix: string;
}

function nameIn({ prefix }: Destination, { name }: MetricDescription): string {
  return `${prefix}${name}`;
}

type Read<T> = () => Iterable<T> | Promise<Iterable<T>>;

/** Adds a counter whose values are read on scrape. */
export function exportCounter(into: Destination, description: MetricDescription, read: Read<Sample>): void {
  new Counter({
    ...description,
    name: nameIn(into, description),
    labelNames: [...description.labelNames],
    registers: [into.registry],
    async collect() {
      const samples = await read();
      this.reset();
      for (const { labels, value } of samples) this.inc({ ...labels }, value);
    },
  });
}

/** Adds a gauge whose values are read on scrape. */
export function exportGauge(into: Destination, description: MetricDescription, read: Read<Sample>): void {
  new Gauge({
    ...description,
    name: nameIn(into, description),
    labelNames: [...description.labelNames],
    registers: [into.registry],
    async collect() {
      const samples = await read();
      this.reset();
      for (const { labels, value } of samples) this.set({ ...labels }, value);
    },
  });
}

type Exposed = Awaited<ReturnType<Histogram['get']>>;

/** prom-client has no method to set the counts of a histogram's buckets, so this formats them itself. */
class CountedHistogram extends Histogram {
  readonly #description: MetricDescription;
  readonly #read: () => Iterable<HistogramSample>;

  constructor(description: MetricDescription, read: () => Iterable<HistogramSample>) {
    super({ ...description, labelNames: [...description.labelNames], registers: [] });
    this.#description = description;
    this.#read = read;
  }

  override async get(): Promise<Exposed> {
    const { name, help } = this.#description;
    const values = [...this.#read()].flatMap((sample) => linesOf(name, sample));
    return { name, help, type: 'histogram', aggregator: 'sum', values } as unknown as Exposed;
  }

  /** The method that the registry of prom-client calls. */
  getForPromString(): Promise<Exposed> {
    return this.get();
  }
}

/** Adds a histogram whose buckets are read on scrape. */
export function exportHistogram(
  into: Destination,
  description: MetricDescription,
  read: () => Iterable<HistogramSample>,
): void {
  into.registry.registerMetric(
    new CountedHistogram({ ...description, name: nameIn(into, description) }, read),
  );
}

interface Line extends Sample {
  readonly metricName: string;
}

function linesOf(name: string, { labels, histogram }: HistogramSample): Line[] {
  let total = 0;
  const buckets = [...histogram.counts].map((count, index) => {
    total += count;
    const le = String(histogram.bounds[index] ?? '+Inf');
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: histogram.sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
