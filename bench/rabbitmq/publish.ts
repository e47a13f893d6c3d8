import type { ConfirmChannel } from 'amqplib';
import { type BenchOptions, type Figure, interleave } from '../harness.js';
import { bootShop, orderOf, publishOrders } from '../shop.js';
import {
  bareConnection,
  bareQueue,
  clear,
  cpuSeconds,
  newPlace,
  newTransport,
  type QueueType,
} from './servers.js';

interface Load {
  readonly count: number;
  readonly inFlight: number;
}

/** CPU of the runs of each contestant, in microseconds a message. */
const cpu = new Map<string, number[]>();

/** Confirmed publishes of 1 KiB, against the same order as JSON by the client alone on the same kind of queue. */
export async function measurePublish({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const many = { count: quick ? 20_000 : 100_000, inFlight: 1_000 };
  const single = { count: quick ? 2_000 : 5_000, inFlight: 1 };
  const rates = await interleave(
    quick ? 3 : 5,
    {
      bareQuorum: () => bare('quorum', many),
      oursQuorum: () => ours('quorum', many),
      bareClassic: () => bare('classic', many),
      oursClassic: () => ours('classic', many),
      bareSingle: () => bare('quorum', single),
      oursSingle: () => ours('quorum', single),
    },
    (text) => progress(`publish, ${text}`),
  );
  const ratio = (kind: 'Quorum' | 'Classic' | 'Single') => ({
    value: rates[`ours${kind}`],
    ratio: rates[`ours${kind}`] / rates[`bare${kind}`],
  });
  return [
    figure('rabbitmq publish, quorum, 1 KiB, 1000 in flight', { ...ratio('Quorum'), floor: 0.9, goal: 1.1 }),
    figure('rabbitmq publish, classic, 1 KiB, 1000 in flight', {
      ...ratio('Classic'),
      floor: 0.75,
      goal: 0.95,
    }),
    figure('rabbitmq publish, quorum, awaiting each', { ...ratio('Single'), floor: 0.75, goal: 0.95 }),
    {
      figure: 'rabbitmq publish, quorum, CPU of the process against the bare client',
      value: meanOf('ours quorum') / meanOf('bare quorum'),
      unit: 'x',
      floor: 1.3,
      goal: 1.05,
      judged: 'ceiling',
    },
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

async function ours(queueType: QueueType, load: Load): Promise<number> {
  const place = newPlace(queueType);
  const shop = await bootShop(await newTransport(place), {
    handling: { handle: () => undefined },
    concurrency: 1,
    consume: false,
  });
  const run = (): Promise<void> => publishOrders(shop.messaging, { from: 0, ...load });
  const rate = await timed(`ours ${queueType}`, load, run);
  await shop.close();
  await clear(place);
  return rate;
}

async function bare(queueType: QueueType, load: Load): Promise<number> {
  const connection = await bareConnection();
  const channel = await connection.createConfirmChannel();
  const queue = await bareQueue(channel, queueType);
  const rate = await timed(`bare ${queueType}`, load, async () => {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < load.count) await publishBare(channel, queue, next++);
    };
    await Promise.all(Array.from({ length: load.inFlight }, lane));
  });
  await channel.deleteQueue(queue);
  await connection.close();
  return rate;
}

/** What a careful user of the client would write. */
export function publishBare(
  channel: ConfirmChannel,
  queue: string,
  nth: number,
  bytes?: number,
): Promise<void> {
  const content = Buffer.from(JSON.stringify(orderOf(nth, bytes)));
  return new Promise((resolve, reject) => {
    channel.publish('', queue, content, { persistent: true, contentType: 'application/json' }, (error) =>
      error ? reject(error as Error) : resolve(),
    );
  });
}
