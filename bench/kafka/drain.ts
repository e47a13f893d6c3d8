import { type BenchOptions, type Figure, interleave } from '../harness.js';
import { bootShop, type Order, publishOrders } from '../shop.js';
import { bare, newPlace, newTransport, topicAt } from './servers.js';

/** Emptying a backlog of 1 KiB messages, against `eachBatch` and JSON.parse by the client alone on the same log. */
export async function measureDrain({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const count = quick ? 20_000 : 100_000;
  const place = newPlace();
  const filler = await bootShop(await newTransport(place), {
    handling: { handle: () => undefined },
    concurrency: 1,
    consume: false,
  });
  await publishOrders(filler.messaging, { from: 0, count, inFlight: 1_000 });
  await filler.close();
  let run = 0;
  const rates = await interleave(
    quick ? 3 : 5,
    {
      bare: () => bareDrain(topicAt(place), count, `bare-${++run}`),
      ours: () => oursDrain(place, count),
    },
    (text) => progress(`drain, ${text}`),
  );
  return [
    {
      figure: 'kafka drain, concurrency 100, 1 KiB',
      value: rates.ours,
      unit: 'msg/s',
      ratio: rates.ours / rates.bare,
      floor: 0.5,
      goal: 0.7,
      judged: 'ratio',
    },
  ];
}

/** Fills a log of its own, because a group of ours reads each log once. */
async function oursDrain(filled: string, count: number): Promise<number> {
  const place = `${filled.slice(0, -1)}${Math.random().toString(36).slice(2, 6)}.`;
  const filler = await bootShop(await newTransport(place), {
    handling: { handle: () => undefined },
    concurrency: 1,
    consume: false,
  });
  await publishOrders(filler.messaging, { from: 0, count, inFlight: 1_000 });
  await filler.close();
  const { handle, all } = counted(count);
  const shop = await bootShop(await newTransport(place), {
    handling: { handle },
    concurrency: 100,
    consume: true,
  });
  const rate = await all;
  await shop.close();
  return rate;
}

async function bareDrain(topic: string, count: number, groupId: string): Promise<number> {
  const { kafka } = await bare();
  const consumer = kafka.consumer({ groupId });
  const { handle, all } = counted(count);
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachBatch: ({ batch }) => {
      for (const { value } of batch.messages) handle(JSON.parse(value?.toString() ?? '') as Order);
      return Promise.resolve();
    },
  });
  const rate = await all;
  await consumer.disconnect();
  return rate;
}

/** A handler, and the rate at which it was called so often, from the first call to the last. */
function counted(count: number): { readonly handle: (order: Order) => void; readonly all: Promise<number> } {
  let handled = 0;
  let startedAt = 0;
  let done: (rate: number) => void = () => undefined;
  const all = new Promise<number>((resolve) => (done = resolve));
  const handle = ({ orderId }: Order): void => {
    if (orderId === '') throw new Error('not an order');
    if (handled === 0) startedAt = performance.now();
    handled += 1;
    if (handled === count) done((count / (performance.now() - startedAt)) * 1_000);
  };
  return { handle, all };
}
