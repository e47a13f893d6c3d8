import { type BenchOptions, type Figure, interleave } from '../harness.js';
import { bootShop, orderOf, publishOrders } from '../shop.js';
import { bareClient, cpuSeconds, emptyServer, newTransport } from './servers.js';

interface Load {
  readonly count: number;
  readonly inFlight: number;
}

/** CPU of the last run of each contestant, in microseconds a message. */
const cpu = new Map<string, number[]>();

/** Durable publishes of 1 KiB, against XADD of the same order as JSON by the client alone. */
export async function measurePublish({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const many = { count: quick ? 40_000 : 100_000, inFlight: 1_000 };
  const single = { count: quick ? 5_000 : 20_000, inFlight: 1 };
  const rounds = quick ? 3 : 5;
  const rates = await interleave(
    rounds,
    {
      bare: () => bare(many),
      ours: () => ours(many),
      bareSingle: () => bare(single),
      oursSingle: () => ours(single),
    },
    (text) => progress(`publish, ${text}`),
  );
  const ratioOfCpu = meanOf('ours') / meanOf('bare');
  return [
    figure('redis publish, 1 KiB, 1000 in flight', {
      value: rates.ours,
      ratio: rates.ours / rates.bare,
      floor: 1,
      goal: 1.3,
    }),
    {
      figure: 'redis publish, 1000 in flight, CPU of the process against the bare client',
      value: ratioOfCpu,
      unit: 'x',
      floor: 1,
      goal: 0.85,
      judged: 'ceiling',
    },
    figure('redis publish, awaiting each', {
      value: rates.oursSingle,
      ratio: rates.oursSingle / rates.bareSingle,
      floor: 0.75,
      goal: 0.85,
    }),
  ];
}

function figure(
  name: string,
  numbers: Pick<Figure, 'value' | 'floor' | 'goal'> & { readonly ratio: number },
): Figure {
  return { figure: name, unit: 'msg/s', judged: 'ratio', ...numbers };
}

function meanOf(name: string): number {
  const values = cpu.get(name) ?? [];
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

async function timed(name: string, { count, inFlight }: Load, run: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  const cpuBefore = cpuSeconds();
  await run();
  const seconds = (performance.now() - startedAt) / 1_000;
  if (inFlight > 1) cpu.set(name, [...(cpu.get(name) ?? []), ((cpuSeconds() - cpuBefore) / count) * 1e6]);
  return count / seconds;
}

async function ours(load: Load): Promise<number> {
  const shop = await bootShop(await newTransport(), {
    handling: { handle: () => undefined },
    concurrency: 1,
    consume: false,
  });
  const rate = await timed('ours', load, () => publishOrders(shop.messaging, { from: 0, ...load }));
  await shop.close();
  await emptyServer();
  return rate;
}

async function bare(load: Load): Promise<number> {
  const client = await bareClient();
  const rate = await timed('bare', load, async () => {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < load.count) await client.xadd('bare', '*', 'd', JSON.stringify(orderOf(next++)));
    };
    await Promise.all(Array.from({ length: load.inFlight }, lane));
  });
  client.disconnect();
  await emptyServer();
  return rate;
}
