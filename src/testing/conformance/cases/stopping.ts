import { ACK, type Case, latch, message, messages, QUIET_MS, sleep, unique } from '../bench.js';

export const stopping: readonly Case[] = [
  {
    title: 'waits, when a consumer stops, until what is in flight is settled, and delivers no more',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const { opened, open } = latch();
      let settled = 0;
      const collector = await collect(transport, { topic, group: 'g', concurrency: 2 }, async () => {
        await opened;
        settled++;
        return ACK;
      });
      await publish(transport, topic, messages(10));
      await collector.received(2);
      let hasStopped = false;
      const stopped = collector.consumer.stop().then(() => (hasStopped = true));
      await sleep(QUIET_MS);
      expect([hasStopped, collector.deliveries.length]).toEqual([false, 2]);
      open();
      await stopped;
      expect(settled).toBe(2);
      await sleep(QUIET_MS);
      expect(collector.deliveries).toHaveLength(2);
      const next = await collect(transport, { topic, group: 'g' });
      await next.received(8);
      await sleep(QUIET_MS);
      expect(new Set([...collector.ids(), ...next.ids()]).size).toBe(10);
      expect(next.deliveries.every(({ attempt }) => attempt === 1)).toBe(true);
    },
  },
  {
    title: 'gives what waited behind its key to the next consumer, as a first attempt',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const { opened, open } = latch();
      const first = await collect(
        transport,
        { topic, group: 'g', concurrency: 2, ordering: 'key' },
        async () => {
          await opened;
          return ACK;
        },
      );
      const sent = Array.from({ length: 6 }, (_, index) => message({ id: `${index}`, key: 'k' }));
      await publish(transport, topic, sent);
      await first.received(1);
      const stopped = first.consumer.stop();
      open();
      await stopped;
      const second = await collect(transport, { topic, group: 'g', concurrency: 2, ordering: 'key' });
      await second.received(5);
      expect([...first.ids(), ...second.ids()]).toEqual(sent.map((one) => one.id));
      expect(second.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
    },
  },
  {
    title:
      'hands nothing more of a key to a consumer that stops with one in flight, and keeps its order elsewhere',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const { opened, open } = latch();
      const keyed = { topic, group: 'g', concurrency: 2, ordering: 'key' } as const;
      const order: string[] = [];
      const first = await collect(transport, keyed, async ({ message: { id } }) => {
        await opened;
        order.push(id);
        return ACK;
      });
      const sent = Array.from({ length: 6 }, (_, index) => message({ id: `${index}`, key: 'k' }));
      await publish(transport, topic, sent.slice(0, 3));
      await first.received(1);
      const stopped = first.consumer.stop();
      const second = await collect(transport, keyed, ({ message: { id } }) => {
        order.push(id);
        return ACK;
      });
      await publish(transport, topic, sent.slice(3));
      await sleep(QUIET_MS);
      open();
      await stopped;
      await second.received(5);
      expect(first.ids()).toEqual(['0']);
      expect(order).toEqual(sent.map((one) => one.id));
    },
  },
  {
    title: 'keeps the order of a key when one of two consumers stops while many wait for it',
    run: async ({ transport, expect, until, publish, collect }) => {
      const topic = unique();
      const { opened, open } = latch();
      const order: number[] = [];
      const settle = async ({ message: { id } }: { message: { id: string } }): Promise<typeof ACK> => {
        await opened;
        order.push(Number(id));
        return ACK;
      };
      const keyed = { topic, group: 'g', concurrency: 1, ordering: 'key' } as const;
      const both = [await collect(transport, keyed, settle), await collect(transport, keyed, settle)];
      await publish(
        transport,
        topic,
        Array.from({ length: 20 }, (_, index) => message({ id: `${index}`, key: 'k' })),
      );
      await until(() => both.some((one) => one.deliveries.length > 0));
      const stopped = both.find((one) => one.deliveries.length > 0)!.consumer.stop();
      open();
      await stopped;
      await until(
        () => order.length === 20,
        () => order.join(),
      );
      expect(order).toEqual([...order].sort((a, b) => a - b));
    },
  },
  {
    title: 'may be stopped twice',
    run: async ({ transport, collect }) => {
      const collector = await collect(transport, { topic: unique(), group: 'g' });
      await Promise.all([collector.consumer.stop(), collector.consumer.stop()]);
      await collector.consumer.stop();
    },
  },
  {
    title: 'continues with the other consumer of the group when one stops',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const first = await collect(transport, { topic, group: 'g' });
      const second = await collect(transport, { topic, group: 'g' });
      await first.consumer.stop();
      await publish(transport, topic, messages(5));
      await second.received(5);
      expect(first.ids()).toEqual([]);
    },
  },
  {
    title: 'carries out a retry that is asked for while it stops',
    run: async ({ transport, expect, until, publish, collect }) => {
      const topic = unique();
      const { opened, open } = latch();
      const first = await collect(transport, { topic, group: 'g' }, async () => {
        await opened;
        return { kind: 'retry', delayMs: 10 };
      });
      await publish(transport, topic, [message()]);
      await first.received(1);
      const stopped = first.consumer.stop();
      open();
      await stopped;
      const second = await collect(transport, { topic, group: 'g' });
      await until(() => second.deliveries.length === 1);
      expect(second.deliveries[0]!.attempt).toBe(2);
    },
  },
];
