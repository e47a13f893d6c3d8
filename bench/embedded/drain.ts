import { mkdirSync } from 'node:fs';
import { type BenchOptions, type Figure, interleave } from '../harness.js';
import { bootShop, type Order, orderOf, publishOrders } from '../shop.js';
import { bareKey, type BareTable, inDirectory, openBare, transportIn } from './place.js';

const CONCURRENCY = 100;

/** Emptying a backlog with 100 handlers, against the same handler fed by reading and deleting with lmdb alone. */
export async function measureDrain({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const count = quick ? 40_000 : 100_000;
  const rates = await interleave(
    quick ? 3 : 5,
    { 'drain, bare lmdb': () => bare(count), drain: () => ours(count) },
    progress,
  );
  return [
    {
      figure: 'embedded drain, 1 KiB, concurrency 100',
      value: rates.drain,
      unit: 'msg/s',
      ratio: rates.drain / rates['drain, bare lmdb'],
      floor: 0.4,
      goal: 0.7,
      judged: 'ratio',
    },
  ];
}

function ours(count: number): Promise<number> {
  return inDirectory(async (directory) => {
    const filler = await bootShop(transportIn(directory), {
      handling: { handle: () => undefined },
      concurrency: 1,
      consume: false,
    });
    await publishOrders(filler.messaging, { from: 0, count, inFlight: 1_000 });
    await filler.close();
    let handled = 0;
    let done: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (done = resolve));
    const handling = {
      handle: () => {
        handled += 1;
        if (handled === count) done();
      },
    };
    const startedAt = performance.now();
    const shop = await bootShop(transportIn(directory), {
      handling,
      concurrency: CONCURRENCY,
      consume: true,
    });
    await all;
    const rate = (count / (performance.now() - startedAt)) * 1_000;
    await shop.close();
    return rate;
  });
}

function bare(count: number): Promise<number> {
  return inDirectory(async (directory) => {
    mkdirSync(directory, { recursive: true });
    const table = openBare(directory);
    for (let from = 0; from < count; from += 1_000) {
      await table.batch(() => {
        for (let nth = from; nth < from + 1_000; nth += 1)
          void table.put(bareKey(nth), Buffer.from(JSON.stringify(orderOf(nth))));
      });
    }
    await table.close();
    const startedAt = performance.now();
    const drained = openBare(directory);
    while ((await drainHundred(drained)) > 0);
    const rate = (count / (performance.now() - startedAt)) * 1_000;
    await drained.close();
    return rate;
  });
}

async function drainHundred(table: BareTable): Promise<number> {
  const keys: Buffer[] = [];
  const running: Promise<void>[] = [];
  for (const { key, value } of table.getRange({ limit: CONCURRENCY })) {
    keys.push(key);
    running.push(handle(JSON.parse(value.toString()) as Order));
  }
  if (keys.length === 0) return 0;
  await Promise.all(running);
  await table.batch(() => {
    for (const key of keys) void table.remove(key);
  });
  return keys.length;
}

async function handle(order: Order): Promise<void> {
  if (order.orderId === '') throw new Error('not an order');
}
