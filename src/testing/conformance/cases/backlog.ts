import { ACK, type Case, latch, message, messages, sleep, unique } from '../bench.js';

export const backlog: readonly Case[] = [
  {
    title: 'counts what is ready, in flight and delayed, and what is settled no more',
    run: async ({ transport, expect, until, publish, collect }) => {
      const topic = unique();
      const of = () => transport.backlog({ topic, group: 'g' });
      await (await collect(transport, { topic, group: 'g' })).consumer.stop();
      await publish(transport, topic, messages(5));
      await publish(transport, topic, [message()], { delayMs: 3_600_000 });
      await until(async () => (await of()).ready === 5);
      expect(await of()).toMatchObject({ ready: 5, inFlight: 0, delayed: 1 });
      const { opened, open } = latch();
      const collector = await collect(transport, { topic, group: 'g', concurrency: 2 }, async (_, nth) => {
        await opened;
        return nth === 1 ? { kind: 'retry', delayMs: 3_600_000 } : ACK;
      });
      await collector.received(2);
      expect(await of()).toMatchObject({ ready: 3, inFlight: 2, delayed: 1 });
      open();
      await until(async () => (await of()).delayed === 2);
      await until(async () => (await of()).ready + (await of()).inFlight === 0);
    },
  },
  {
    title: 'reports the age of the oldest message that is not settled, and none when there is none',
    run: async ({ transport, expect, until, publish, collect }) => {
      const topic = unique();
      const of = () => transport.backlog({ topic, group: 'g' });
      await (await collect(transport, { topic, group: 'g' })).consumer.stop();
      expect((await of()).oldestAgeMs).toBeUndefined();
      await publish(transport, topic, [message()]);
      await sleep(120);
      await publish(transport, topic, [message()]);
      const { oldestAgeMs } = await of();
      expect(oldestAgeMs).toBeGreaterThanOrEqual(100);
      expect(oldestAgeMs).toBeLessThan(60_000);
      const collector = await collect(transport, { topic, group: 'g' });
      await collector.received(2);
      await until(async () => (await of()).oldestAgeMs === undefined);
    },
  },
  {
    title: 'is all zero for a group that was never seen',
    run: async ({ transport, expect }) => {
      expect(await transport.backlog({ topic: unique(), group: 'unseen' })).toEqual({
        ready: 0,
        inFlight: 0,
        delayed: 0,
      });
    },
  },
];
