import { mkdirSync } from 'node:fs';
import { type BenchOptions, type Figure, interleave } from '../harness.js';
import { bootShop, orderOf, publishOrders } from '../shop.js';
import { bareKey, inDirectory, openBare, transportIn } from './place.js';

const IN_FLIGHT = 1_000;

/**
 * Durable publishes of 1 KiB with 1000 in flight, against 1000 callers that each put an order into lmdb as JSON and wait
 * until the disk has it. lmdb puts what is written in one turn into one transaction, which makes its batches ours.
 */
export async function measurePublish({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const count = quick ? 40_000 : 100_000;
  const rates = await interleave(
    quick ? 3 : 5,
    { 'publish, bare lmdb': () => bare(count), publish: () => ours(count) },
    progress,
  );
  return [
    {
      figure: 'embedded publish, 1 KiB, 1000 in flight',
      value: rates.publish,
      unit: 'msg/s',
      ratio: rates.publish / rates['publish, bare lmdb'],
      floor: 0.6,
      goal: 0.9,
      judged: 'ratio',
    },
  ];
}

function ours(count: number): Promise<number> {
  return inDirectory(async (directory) => {
    const shop = await bootShop(transportIn(directory), {
      handling: { handle: () => undefined },
      concurrency: 1,
      consume: false,
    });
    const startedAt = performance.now();
    await publishOrders(shop.messaging, { from: 0, count, inFlight: IN_FLIGHT });
    const rate = (count / (performance.now() - startedAt)) * 1_000;
    await shop.close();
    return rate;
  });
}

function bare(count: number): Promise<number> {
  return inDirectory(async (directory) => {
    mkdirSync(directory, { recursive: true });
    const table = openBare(directory);
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count) {
        next += 1;
        await table.put(bareKey(next), Buffer.from(JSON.stringify(orderOf(next))));
        await table.flushed;
      }
    };
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    const rate = (next / (performance.now() - startedAt)) * 1_000;
    await table.close();
    return rate;
  });
}
