import { type Case, collect, message, publish, QUIET_MS, sleep, unique } from './harness.js';

const EARLY_MS = 10;

export const delaying: readonly Case[] = [
  {
    title: 'keeps a delayed message until its time, from every group',
    run: async ({ transport }) => {
      const topic = unique();
      const arrivals: number[] = [];
      const note = (): { kind: 'ack' } => {
        arrivals.push(performance.now());
        return { kind: 'ack' };
      };
      const collectors = [
        await collect(transport, { topic, group: 'a' }, note),
        await collect(transport, { topic, group: 'b' }, note),
      ];
      const publishedAt = performance.now();
      await publish(transport, topic, [message({ id: 'later' })], { delayMs: 400 });
      for (const collector of collectors)
        expect((await collector.received(1))[0]).toMatchObject({ attempt: 1 });
      for (const at of arrivals) expect(at - publishedAt).toBeGreaterThanOrEqual(400 - EARLY_MS);
      await sleep(QUIET_MS);
      expect(arrivals).toHaveLength(2);
    },
  },
  {
    title: 'keeps a delayed directed message for its group',
    run: async ({ transport }) => {
      const topic = unique();
      const a = await collect(transport, { topic, group: 'a' });
      const b = await collect(transport, { topic, group: 'b' });
      const publishedAt = performance.now();
      await publish(transport, { topic, group: 'a' }, [message()], { delayMs: 200 });
      await a.received(1);
      expect(performance.now() - publishedAt).toBeGreaterThanOrEqual(200 - EARLY_MS);
      await sleep(QUIET_MS);
      expect(b.ids()).toEqual([]);
    },
  },
  {
    title: 'delivers delayed messages in the order of their times, and others before them',
    run: async ({ transport }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g', concurrency: 1 });
      for (const delayMs of [900, 300, 600])
        await publish(transport, topic, [message({ id: `after-${delayMs}` })], { delayMs });
      await publish(transport, topic, [message({ id: 'now' })]);
      await collector.received(4);
      expect(collector.ids()).toEqual(['now', 'after-300', 'after-600', 'after-900']);
    },
  },
  {
    title: 'accepts a delay of 30 days without delivering it at once',
    run: async ({ transport }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' });
      await publish(transport, topic, [message()], { delayMs: 30 * 24 * 3_600_000 });
      await sleep(QUIET_MS);
      expect(collector.ids()).toEqual([]);
      expect(await transport.backlog({ topic, group: 'g' })).toMatchObject({ delayed: 1 });
    },
  },
];
