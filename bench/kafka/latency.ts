import { type BenchOptions, type Figure, median, percentile } from '../harness.js';
import { atRate, latenciesOf, RATE, type WarmUp } from '../latency.js';
import { orderOf } from '../shop.js';
import { bare, bareProducer, cpuSeconds, newPlace, newTransport } from './servers.js';

/** Then a partition is no longer handled with the care that follows a take-over, which costs a commit before each batch. */
const WARM_UP_SECONDS = 12;

interface Run {
  readonly p50: number;
  readonly p99: number;
  readonly cores: number;
}

/** From `publish` to the handler at 500 messages a second, and what it costs, against the client alone. */
export async function measureLatency({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const seconds = WARM_UP_SECONDS + (quick ? 4 : 10);
  const found = { bare: [] as Run[], ours: [] as Run[] };
  for (let round = 0; round < (quick ? 3 : 5); round += 1)
    for (const name of ['bare', 'ours'] as const) {
      const run = await measured(name === 'bare' ? bareRun : oursRun, seconds);
      found[name].push(run);
      progress(
        `latency at ${RATE}/s, ${name}: ${run.p50.toFixed(2)} / ${run.p99.toFixed(2)} ms, ${run.cores.toFixed(2)} cores`,
      );
    }
  const ratio = (which: keyof Run): number =>
    median(found.ours.map((run) => run[which])) / median(found.bare.map((run) => run[which]));
  const figure = (name: string, which: keyof Run, floor: number, goal: number): Figure => ({
    figure: `kafka at 500/s, ${name} against the bare client`,
    value: ratio(which),
    unit: 'x',
    floor,
    goal,
    judged: 'ceiling',
  });
  return [
    figure('p50 from publish to handler', 'p50', 1.5, 1.2),
    figure('p99 from publish to handler', 'p99', 1.5, 1),
    figure('CPU of the process', 'cores', 0.6, 0.3),
  ];
}

async function measured(
  run: (seconds: number, warmUp: WarmUp) => Promise<number[]>,
  seconds: number,
): Promise<Run> {
  let [startedAt, cpu, cores] = [0, 0, 0];
  const over = (): void => void ([startedAt, cpu] = [performance.now(), cpuSeconds()]);
  const ended = (): void => void (cores = ((cpuSeconds() - cpu) / (performance.now() - startedAt)) * 1_000);
  const latencies = await run(seconds, { seconds: WARM_UP_SECONDS, over, ended });
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), cores };
}

async function oursRun(seconds: number, warmUp: WarmUp): Promise<number[]> {
  return latenciesOf(await newTransport(newPlace()), seconds, warmUp);
}

async function bareRun(seconds: number, warmUp: WarmUp): Promise<number[]> {
  const { kafka, topic } = await bare();
  const producer = bareProducer(kafka);
  const consumer = kafka.consumer({ groupId: topic });
  await Promise.all([producer.connect(), consumer.connect()]);
  const seen: number[] = [];
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  await consumer.run({
    eachBatch: ({ batch }) => {
      for (const { value } of batch.messages)
        seen.push(performance.now() - (JSON.parse(value?.toString() ?? '') as { total: number }).total);
      return Promise.resolve();
    },
  });
  await joined;
  await atRate(
    seconds,
    (nth) =>
      producer.send({
        topic,
        acks: -1,
        messages: [{ value: JSON.stringify({ ...orderOf(nth), total: performance.now() }) }],
      }),
    warmUp,
  );
  while (seen.length < RATE * seconds) await new Promise((resolve) => setTimeout(resolve, 5));
  await Promise.all([producer.disconnect(), consumer.disconnect()]);
  return seen.slice(RATE * WARM_UP_SECONDS);
}
