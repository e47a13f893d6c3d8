import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type BenchOptions, type Figure, interleave } from '../harness.js';
import { bootShop, type Order, orderOf, publishOrders } from '../shop.js';
import { bareClient, emptyServer, newTransport } from './servers.js';

interface Load {
  readonly count: number;
  readonly bytes: number;
  readonly concurrency: number;
}

/** Emptying a backlog, against XREADGROUP, JSON.parse, the same handler and one XACK a batch by the client alone. */
export async function measureDrain({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const many = quick ? 40_000 : 100_000;
  const loads = {
    'drain, concurrency 100, 1 KiB': { count: many, bytes: 1_024, concurrency: 100, floor: 0.6, goal: 0.8 },
    'drain, concurrency 100, 100 B': { count: many, bytes: 100, concurrency: 100, floor: 0.5, goal: 0.75 },
    'drain, concurrency 1, 1 KiB': {
      count: quick ? 5_000 : 20_000,
      bytes: 1_024,
      concurrency: 1,
      floor: 0.75,
      goal: 0.85,
    },
  };
  const figures: Figure[] = [];
  for (const [name, { floor, goal, ...load }] of Object.entries(loads)) {
    const rates = await interleave(
      quick ? 3 : 5,
      { bare: () => bare(load), ours: () => ours(load) },
      (text) => progress(`${name}, ${text}`),
    );
    figures.push({
      figure: `redis ${name}`,
      value: rates.ours,
      unit: 'msg/s',
      ratio: rates.ours / rates.bare,
      floor,
      goal,
      judged: 'ratio',
    });
  }
  return figures;
}

async function ours({ count, bytes, concurrency }: Load): Promise<number> {
  const prefix = `${randomUUID()}:`;
  const filler = await bootShop(await newTransport(prefix), {
    handling: { handle: () => undefined },
    concurrency: 1,
    consume: false,
  });
  await publishOrders(filler.messaging, { from: 0, count, inFlight: 1_000, bytes });
  await filler.close();
  let handled = 0;
  let startedAt = 0;
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  const handling = {
    handle: () => {
      if (handled === 0) startedAt = performance.now();
      handled += 1;
      if (handled === count) done();
    },
  };
  const shop = await bootShop(await newTransport(prefix), { handling, concurrency, consume: true });
  await all;
  const rate = (count / (performance.now() - startedAt)) * 1_000;
  await shop.close();
  await emptyServer();
  return rate;
}

async function bare({ count, bytes, concurrency }: Load): Promise<number> {
  const client = await bareClient();
  await client.xgroup('CREATE', 'bare', 'g', '0', 'MKSTREAM');
  for (let from = 0; from < count; from += 1_000) {
    const pipeline = client.pipeline();
    for (let nth = from; nth < from + 1_000; nth += 1)
      pipeline.xadd('bare', '*', 'd', JSON.stringify(orderOf(nth, bytes)));
    await pipeline.exec();
  }
  const startedAt = performance.now();
  for (let handled = 0; handled < count;) handled += await handleSome(client, concurrency);
  const rate = (count / (performance.now() - startedAt)) * 1_000;
  client.disconnect();
  await emptyServer();
  return rate;
}

type Reply = [name: string, entries: [id: string, fields: string[]][]][];

async function handleSome(client: Redis, concurrency: number): Promise<number> {
  const reply = (await client.xreadgroup(
    'GROUP',
    'g',
    'c',
    'COUNT',
    concurrency,
    'BLOCK',
    500,
    'STREAMS',
    'bare',
    '>', // prettier-ignore
  )) as Reply | null;
  const entries = reply?.[0]?.[1] ?? [];
  const ids = await Promise.all(entries.map(([id, fields]) => handle(id, fields[1] ?? '')));
  if (ids.length > 0) void client.xack('bare', 'g', ...ids); // rides in front of the next read
  return ids.length;
}

async function handle(id: string, text: string): Promise<string> {
  const order = JSON.parse(text) as Order;
  if (order.orderId === '') throw new Error('not an order');
  return id;
}
