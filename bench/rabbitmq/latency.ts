import { type BenchOptions, type Figure, median, percentile } from '../harness.js';
import { atRate, latenciesOf, RATE } from '../latency.js';
import { orderOf } from '../shop.js';
import { bareConnection, bareQueue, clear, newPlace, newTransport } from './servers.js';

/** From `publish` to the handler at 500 messages a second over a quorum queue, against the client alone. */
export async function measureLatency({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const seconds = quick ? 4 : 10;
  const runs = { bare: () => bare(seconds), ours: () => ours(seconds) };
  const found = { bare: [] as number[][], ours: [] as number[][] };
  for (let round = 0; round < (quick ? 3 : 5); round += 1) {
    for (const name of ['bare', 'ours'] as const) {
      const latencies = await runs[name]();
      const pair = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
      found[name].push(pair);
      progress(`latency at ${RATE}/s, ${name}: ${pair.map((ms) => ms.toFixed(2)).join(' / ')} ms`);
    }
  }
  const middle = (name: keyof typeof found, which: 0 | 1): number =>
    median(found[name].map((pair) => pair[which] ?? NaN));
  const ratios: Figure[] = ([0, 1] as const).map((which) => ({
    figure: `rabbitmq publish to handler at 500/s, ${['p50', 'p99'][which]} against the bare client`,
    value: middle('ours', which) / middle('bare', which),
    unit: 'x',
    floor: [1.6, 2][which] ?? NaN,
    goal: [1.1, 1.2][which] ?? NaN,
    judged: 'ceiling',
  }));
  const p99: Figure = {
    figure: 'rabbitmq publish to handler at 500/s, p99',
    value: middle('ours', 1),
    unit: 'ms',
    floor: 10,
    goal: 5,
    judged: 'ceiling',
  };
  return [...ratios, p99];
}

async function ours(seconds: number): Promise<number[]> {
  const place = newPlace('quorum');
  const latencies = await latenciesOf(await newTransport(place), seconds);
  await clear(place);
  return latencies;
}

async function bare(seconds: number): Promise<number[]> {
  const connection = await bareConnection();
  const consuming = await bareConnection();
  const [writer, reader] = [await connection.createConfirmChannel(), await consuming.createChannel()];
  const queue = await bareQueue(writer, 'quorum');
  const seen: number[] = [];
  await reader.prefetch(100);
  await reader.consume(queue, (message) => {
    if (!message) return;
    seen.push(performance.now() - (JSON.parse(message.content.toString()) as { total: number }).total);
    reader.ack(message);
  });
  await atRate(
    seconds,
    (nth) =>
      new Promise<void>((resolve) => {
        const content = Buffer.from(JSON.stringify({ ...orderOf(nth), total: performance.now() }));
        const properties = { persistent: true, contentType: 'application/json' };
        writer.publish('', queue, content, properties, () => resolve());
      }),
  );
  while (seen.length < RATE * seconds) await new Promise((resolve) => setTimeout(resolve, 5));
  await writer.deleteQueue(queue);
  await Promise.all([connection.close(), consuming.close()]);
  return seen.slice(RATE);
}
