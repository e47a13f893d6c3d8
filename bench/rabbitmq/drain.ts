import { type BenchOptions, type Figure, interleave } from '../harness.js';
import { bootShop, type Order, publishOrders } from '../shop.js';
import { publishBare } from './publish.js';
import { bareConnection, bareQueue, clear, newPlace, newTransport, type QueueType } from './servers.js';

interface Load {
  readonly count: number;
  readonly concurrency: number;
  readonly queueType: QueueType;
}

/** Emptying a backlog of 1 KiB messages, against consume, JSON.parse, the same handler and an ack each by the client alone. */
export async function measureDrain({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const many = quick ? 20_000 : 100_000;
  const few = quick ? 5_000 : 20_000;
  const loads = {
    'drain, quorum, concurrency 100': {
      count: many,
      concurrency: 100,
      queueType: 'quorum',
      floor: 1.1,
      goal: 1.5,
    },
    'drain, classic, concurrency 100': {
      count: many,
      concurrency: 100,
      queueType: 'classic',
      floor: 0.95,
      goal: 1.35,
    },
    'drain, quorum, concurrency 1': { count: few, concurrency: 1, queueType: 'quorum', floor: 0.8, goal: 1 },
  } as const;
  const figures: Figure[] = [];
  for (const [name, { floor, goal, ...load }] of Object.entries(loads)) {
    const rates = await interleave(
      quick ? 3 : 5,
      { bare: () => bare(load), ours: () => ours(load) },
      (text) => progress(`${name}, ${text}`),
    );
    figures.push({
      figure: `rabbitmq ${name}`,
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

async function ours({ count, concurrency, queueType }: Load): Promise<number> {
  const place = newPlace(queueType);
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
    concurrency,
    consume: true,
  });
  const rate = await all;
  await shop.close();
  await clear(place);
  return rate;
}

async function bare({ count, concurrency, queueType }: Load): Promise<number> {
  const connection = await bareConnection();
  const filling = await connection.createConfirmChannel();
  const queue = await bareQueue(filling, queueType);
  for (let from = 0; from < count; from += 1_000)
    await Promise.all(Array.from({ length: 1_000 }, (_, nth) => publishBare(filling, queue, from + nth)));
  const { handle, all } = counted(count);
  const channel = await connection.createChannel();
  await channel.prefetch(concurrency);
  await channel.consume(queue, (message) => {
    if (!message) return;
    const work = async (): Promise<void> => handle(JSON.parse(message.content.toString()) as Order);
    void work().then(() => channel.ack(message));
  });
  const rate = await all;
  await new Promise(setImmediate); // the last acknowledgements
  await channel.close();
  await filling.deleteQueue(queue);
  await connection.close();
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
