import { type BenchOptions, type Figure, percentile } from '../harness.js';
import { bootShop, orderOf, OrderPlaced } from '../shop.js';
import { inDirectory, transportIn } from './place.js';

const RATE = 500;

/** From `publish` to the handler, at 500 messages a second. */
export async function measureLatency({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const seconds = quick ? 4 : 15;
  const latencies = await inDirectory(async (directory) => {
    const seen: number[] = [];
    // `total` carries the time: the payload is what reaches the handler.
    const handling = { handle: ({ total }: { total: number }) => void seen.push(performance.now() - total) };
    const shop = await bootShop(transportIn(directory), { handling, concurrency: 100, consume: true });
    const startedAt = performance.now();
    const publishes: Promise<unknown>[] = [];
    for (let sent = 0; sent < RATE * seconds;) {
      const due = ((performance.now() - startedAt) / 1_000) * RATE;
      for (; sent < due; sent += 1)
        publishes.push(shop.messaging.publish(OrderPlaced, { ...orderOf(sent), total: performance.now() }));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all(publishes);
    while (seen.length < publishes.length) await new Promise((resolve) => setTimeout(resolve, 5));
    await shop.close();
    return seen.slice(RATE); // the first second warms up
  });
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
