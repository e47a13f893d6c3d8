import { type BenchOptions, type Figure, interleave } from '../harness.js';
import { bootShop, orderOf, publishOrders } from '../shop.js';
import { bare, bareProducer, newPlace, newTransport } from './servers.js';

const BATCH = 1_000;

/** Acknowledged publishes of 1 KiB, against the same orders as JSON by the client alone. */
export async function measurePublish({ quick, progress }: BenchOptions): Promise<Figure[]> {
  const many = quick ? 20_000 : 100_000;
  const single = quick ? 2_000 : 5_000;
  const rates = await interleave(
    quick ? 3 : 5,
    {
      bareEach: () => bareSends(many / 4, 1_000),
      bareBatches: () => bareBatches(many),
      ours: () => ours(many, 1_000),
      bareSingle: () => bareSends(single, 1),
      oursSingle: () => ours(single, 1),
    },
    (text) => progress(`publish, ${text}`),
  );
  const figure = (
    name: string,
    [value, against]: readonly [number, number],
    floor: number,
    goal: number,
  ): Figure => ({
    figure: `kafka publish, ${name}`,
    value,
    unit: 'msg/s',
    ratio: value / against,
    floor,
    goal,
    judged: 'ratio',
  });
  return [
    figure('1 KiB, 1000 in flight, against a send each', [rates.ours, rates.bareEach], 3, 5),
    figure('1 KiB, 1000 in flight, against batches of 1000', [rates.ours, rates.bareBatches], 0.6, 0.95),
    figure('1 KiB, awaiting each', [rates.oursSingle, rates.bareSingle], 0.8, 1),
  ];
}

async function timed(count: number, run: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return (count / (performance.now() - startedAt)) * 1_000;
}

async function ours(count: number, inFlight: number): Promise<number> {
  const shop = await bootShop(await newTransport(newPlace()), {
    handling: { handle: () => undefined },
    concurrency: 1,
    consume: false,
  });
  await publishOrders(shop.messaging, { from: 0, count: 1, inFlight: 1 }); // the topic is there
  const rate = await timed(count, () => publishOrders(shop.messaging, { from: 0, count, inFlight }));
  await shop.close();
  return rate;
}

async function bareSends(count: number, inFlight: number): Promise<number> {
  const { kafka, topic } = await bare();
  const producer = bareProducer(kafka);
  await producer.connect();
  const rate = await timed(count, async () => {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count)
        await producer.send({ topic, acks: -1, messages: [{ value: JSON.stringify(orderOf(next++)) }] });
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
  });
  await producer.disconnect();
  return rate;
}

async function bareBatches(count: number): Promise<number> {
  const { kafka, topic } = await bare();
  const producer = bareProducer(kafka);
  await producer.connect();
  const rate = await timed(count, async () => {
    for (let from = 0; from < count; from += BATCH) {
      const messages = Array.from({ length: BATCH }, (_, nth) => ({
        value: JSON.stringify(orderOf(from + nth)),
      }));
      await producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages }] });
    }
  });
  await producer.disconnect();
  return rate;
}
