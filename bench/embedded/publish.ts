import { mkdirSync } from 'node:fs';
import { type BenchOptions, type Figure, interleave } from '../harness.js';
import { bootShop, orderOf, publishOrders } from '../shop.js';
import { bareKey, inDirectory, openBare, transportIn } from './place.js';

const IN_FLIGHT = 1_000;
/** What the core puts into one call of the transport. */
const BATCH = 256;

/** Durable publishes of 1 KiB with 1000 in flight, against the same orders put into lmdb as JSON, in the same batches. */
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
        const from = next;
        next += BATCH;
        await table.batch(() => {
          for (let nth = from; nth < from + BATCH; nth += 1)
            void table.put(bareKey(nth), Buffer.from(JSON.stringify(orderOf(nth))));
        });
        await table.flushed;
      }
    };
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: Math.ceil(IN_FLIGHT / BATCH) }, lane));
    const rate = (next / (performance.now() - startedAt)) * 1_000;
    await table.close();
    return rate;
  });
}
