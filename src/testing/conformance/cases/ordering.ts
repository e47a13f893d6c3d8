import { ACK, type Case, message, sleep, unique } from '../bench.js';

const keyed = (count: number, keys: number) =>
  Array.from({ length: count }, (_, index) => message({ id: `${index}`, key: `k${index % keys}` }));

export const ordering: readonly Case[] = [
  {
    title: 'runs messages of one key one after the other, in order, and different keys at the same time',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const running = new Map<string, number>();
      let mostTogether = 0;
      let mostOfOneKey = 0;
      const collector = await collect(
        transport,
        { topic, group: 'g', concurrency: 4, ordering: 'key' },
        async ({ message: { key } }) => {
          const together = (running.get(key!) ?? 0) + 1;
          running.set(key!, together);
          mostOfOneKey = Math.max(mostOfOneKey, together);
          mostTogether = Math.max(
            mostTogether,
            [...running.values()].reduce((sum, one) => sum + one, 0),
          );
          await sleep(Math.random() * 8);
          running.set(key!, running.get(key!)! - 1);
          return ACK;
        },
      );
      const sent = keyed(120, 6);
      for (let start = 0; start < sent.length; start += 12)
        await publish(transport, topic, sent.slice(start, start + 12));
      await collector.received(120);
      for (let key = 0; key < 6; key++) {
        const order = collector.deliveries
          .filter(({ message: one }) => one.key === `k${key}`)
          .map(({ message: { id } }) => Number(id));
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }
      expect(mostOfOneKey).toBe(1);
      expect(mostTogether).toBeGreaterThan(1);
      expect(mostTogether).toBeLessThanOrEqual(4);
    },
  },
  {
    title: 'keeps the order of a key across two consumers of the group',
    run: async ({ transport, expect, until, publish, collect }) => {
      const topic = unique();
      const order: number[] = [];
      let running = 0;
      let most = 0;
      const settle = async ({ message: { id } }: { message: { id: string } }): Promise<{ kind: 'ack' }> => {
        most = Math.max(most, ++running);
        await sleep(3);
        order.push(Number(id));
        running--;
        return { kind: 'ack' };
      };
      for (let consumer = 0; consumer < 2; consumer++)
        await collect(transport, { topic, group: 'g', concurrency: 4, ordering: 'key' }, settle);
      await publish(transport, topic, keyed(40, 1));
      await until(
        () => order.length === 40,
        () => `${order.length} handled`,
      );
      expect(most).toBe(1);
      expect(order).toEqual(Array.from({ length: 40 }, (_, index) => index));
    },
  },
  {
    title: 'lets a slow key hold up no other key',
    run: async ({ transport, until, publish, collect }) => {
      const topic = unique();
      let isFree = false;
      const collector = await collect(
        transport,
        { topic, group: 'g', concurrency: 2, ordering: 'key' },
        async ({ message: { key } }) => {
          if (key === 'slow') await until(() => isFree);
          return ACK;
        },
      );
      await publish(transport, topic, [
        message({ key: 'slow' }),
        message({ key: 'slow' }),
        ...Array.from({ length: 10 }, () => message({ key: 'fast' })),
      ]);
      await until(() => collector.deliveries.filter(({ message: one }) => one.key === 'fast').length === 10);
      isFree = true;
      await collector.received(12);
    },
  },
  {
    title: 'runs messages without a key freely where others have one',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      let together = 0;
      let most = 0;
      const collector = await collect(
        transport,
        { topic, group: 'g', concurrency: 5, ordering: 'key' },
        async () => {
          most = Math.max(most, ++together);
          await sleep(20);
          together--;
          return ACK;
        },
      );
      await publish(
        transport,
        topic,
        Array.from({ length: 15 }, () => message()),
      );
      await collector.received(15);
      expect(most).toBeGreaterThan(1);
    },
  },
  {
    title: 'continues with a key whose message is retried',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(
        transport,
        { topic, group: 'g', concurrency: 2, ordering: 'key' },
        ({ message: { id }, attempt }) =>
          id === '0' && attempt === 1 ? { kind: 'retry', delayMs: 50 } : ACK,
      );
      await publish(transport, topic, keyed(5, 1));
      await collector.received(6);
      expect(collector.ids().filter((id) => id === '0')).toHaveLength(2);
    },
  },
];
