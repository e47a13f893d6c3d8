import { watchSlowdown } from '../slowdown.js';
import { type Case, message, QUIET_MS, sleep, unique } from '../bench.js';

const EARLY_MS = 10;
/** What is due so much earlier has to come first; a broker that is slow to take a message makes it due later. */
const LATE_MS = 150;

export const delaying: readonly Case[] = [
  {
    title: 'keeps a delayed message until its time, from every group',
    run: async ({ transport, expect, publish, collect }) => {
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
    run: async ({ transport, expect, publish, collect }) => {
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
    run: async ({ transport, now, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g', concurrency: 1 });
      const slowdown = watchSlowdown(now);
      const due = new Map<string, { readonly earliest: number; readonly latest: number }>();
      for (const delayMs of [900, 300, 600, 0]) {
        const id = `after-${delayMs}`;
        const earliest = performance.now() + delayMs;
        // One key, because a composite puts it on one broker: across brokers there is no order.
        await publish(transport, topic, [message({ id, key: 'k' })], delayMs === 0 ? {} : { delayMs });
        due.set(id, { earliest, latest: performance.now() + delayMs });
      }
      await collector.received(4);
      const ids = collector.ids();
      expect(new Set(ids)).toEqual(new Set(due.keys()));
      const lateMs = LATE_MS * slowdown();
      const isOvertaken = (id: string, at: number): boolean =>
        ids.slice(at + 1).some((later) => due.get(later)!.latest + lateMs < due.get(id)!.earliest);
      expect(ids.filter(isOvertaken)).toEqual([]);
    },
  },
  {
    title: 'delivers each delayed message once when more are published while others become due',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g', concurrency: 4 });
      const ids = Array.from({ length: 200 }, (_, nth) => `delayed-${nth}`);
      for (const id of ids) await publish(transport, topic, [message({ id })], { delayMs: 20 });
      await collector.received(ids.length);
      await sleep(QUIET_MS);
      expect([...collector.ids()].sort()).toEqual([...ids].sort());
    },
  },
  {
    title: 'accepts a delay of 30 days without delivering it at once',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' });
      await publish(transport, topic, [message()], { delayMs: 30 * 24 * 3_600_000 });
      await sleep(QUIET_MS);
      expect(collector.ids()).toEqual([]);
      expect(await transport.backlog({ topic, group: 'g' })).toMatchObject({ delayed: 1 });
    },
  },
];
