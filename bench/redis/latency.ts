import { type BenchOptions, type Figure, median, percentile } from '../harness.js';
import { atRate, latenciesOf, RATE } from '../latency.js';
import { orderOf } from '../shop.js';
import { bareClient, emptyServer, newTransport } from './servers.js';

/** From `publish` to the handler at 500 messages a second, against XADD and a blocking XREADGROUP by the client alone. */
export async function measureLatency({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const seconds = quick ? 4 : 10;
  const rounds = quick ? 3 : 5;
  const runs = { bare: () => bare(seconds), ours: () => ours(seconds) };
  const found = { bare: [] as number[][], ours: [] as number[][] };
  for (let round = 0; round < rounds; round += 1) {
    for (const name of ['bare', 'ours'] as const) {
      const latencies = await runs[name]();
      found[name].push([percentile(latencies, 0.5), percentile(latencies, 0.99)]);
      progress(
        `latency at ${RATE}/s, ${name}: ${found[name]
          .at(-1)
          ?.map((ms) => ms.toFixed(2))
          .join(' / ')} ms`,
      );
    }
  }
  const middle = (name: keyof typeof found, which: 0 | 1): number =>
    median(found[name].map((pair) => pair[which] ?? NaN));
  return ([0, 1] as const).map((which) => ({
    figure: `redis publish to handler at 500/s, ${['p50', 'p99'][which]} against the bare client`,
    value: middle('ours', which) / middle('bare', which),
    unit: 'x',
    floor: [1.5, 3][which] ?? NaN,
    goal: [1.25, 1.5][which] ?? NaN,
    judged: 'ceiling',
  }));
}

async function ours(seconds: number): Promise<number[]> {
  const latencies = await latenciesOf(await newTransport(), seconds);
  await emptyServer();
  return latencies;
}

type Reply = [name: string, entries: [id: string, fields: string[]][]][];

async function bare(seconds: number): Promise<number[]> {
  const [writer, reader] = [await bareClient(), await bareClient()];
  await writer.xgroup('CREATE', 'bare', 'g', '0', 'MKSTREAM');
  const seen: number[] = [];
  const count = RATE * seconds;
  const reading = (async () => {
    while (seen.length < count) {
      const reply = (await reader.xreadgroup(
        ...(['GROUP', 'g', 'c', 'COUNT', 100, 'BLOCK', 500, 'STREAMS', 'bare', '>'] as const),
      )) as Reply | null;
      const entries = reply?.[0]?.[1] ?? [];
      for (const [, fields] of entries) {
        const order = JSON.parse(fields[1] ?? '') as { total: number };
        seen.push(performance.now() - order.total);
      }
      if (entries.length > 0) void writer.xack('bare', 'g', ...entries.map(([id]) => id));
    }
  })();
  await atRate(seconds, (nth) =>
    writer.xadd('bare', '*', 'd', JSON.stringify({ ...orderOf(nth), total: performance.now() })),
  );
  await reading;
  writer.disconnect();
  reader.disconnect();
  await emptyServer();
  return seen.slice(RATE);
}
