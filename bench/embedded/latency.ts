import { type BenchOptions, type Figure, percentile } from '../harness.js';
import { latenciesOf, RATE } from '../latency.js';
import { inDirectory, transportIn } from './place.js';

/** From `publish` to the handler, at 500 messages a second. */
export async function measureLatency({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const latencies = await inDirectory((directory) => latenciesOf(transportIn(directory), quick ? 4 : 15));
  progress(`latency at ${RATE}/s: p50 ${percentile(latencies, 0.5).toFixed(2)} ms`);
  return [
    {
      figure: 'embedded publish to handler at 500/s, p99',
      value: percentile(latencies, 0.99),
      unit: 'ms',
      floor: 10,
      goal: 3,
      judged: 'ceiling',
    },
  ];
}
