import { usedBytes } from '../used-bytes.js';
import { ACK, type Case, latch, message, messages, QUIET_MS, sleep, unique } from '../bench.js';

const FLOOD_BYTES = 64 * 2 ** 20;

export const pressure: readonly Case[] = [
  ...[1, 3].map((concurrency): Case => ({
    title: `has at most ${concurrency} deliveries in flight when that is the concurrency, and as many when there is work`,
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      let inFlight = 0;
      let most = 0;
      const collector = await collect(transport, { topic, group: 'g', concurrency }, async () => {
        most = Math.max(most, ++inFlight);
        await sleep(10);
        inFlight--;
        return ACK;
      });
      await publish(transport, topic, messages(20));
      await collector.received(20);
      expect(most).toBe(concurrency);
    },
  })),
  {
    title: 'fills a free slot while another delivery is slow',
    run: async ({ transport, publish, collect }) => {
      const topic = unique();
      const { opened, open } = latch();
      const collector = await collect(transport, { topic, group: 'g', concurrency: 2 }, async (_, nth) => {
        if (nth === 1) await opened;
        return ACK;
      });
      await publish(transport, topic, messages(30));
      await collector.received(30);
      open();
    },
  },
  {
    title: 'delivers no more than its slots, and holds no more in memory, while a slow handler faces a flood',
    run: async ({ transport, expect, collect }) => {
      const topic = unique();
      const { opened, open } = latch();
      const collector = await collect(transport, { topic, group: 'g', concurrency: 2 }, async () => {
        await opened;
        return ACK;
      });
      const flood = async (): Promise<void> => {
        for (let sent = 0; sent < FLOOD_BYTES; sent += 250 * 4_096) {
          const some = Array.from({ length: 250 }, () => message({ body: Buffer.alloc(4_096, 1) }));
          const outcomes = await transport.publish({ topic }, some, { deadlineMs: 20_000 });
          for (const { kind } of outcomes) expect(['accepted', 'unavailable']).toContain(kind);
        }
      };
      await flood(); // fills whatever windows and caches there are
      const before = await usedBytes();
      await flood();
      const grown = (await usedBytes()) - before;
      await collector.received(2);
      await sleep(QUIET_MS);
      expect(collector.deliveries).toHaveLength(2);
      // One that has no other place keeps them, but once.
      expect(grown).toBeLessThan((transport.durability === 'memory' ? 1.5 : 0.25) * FLOOD_BYTES);
      open();
    },
  },
  {
    title: 'continues with other topics while the handlers of one are stuck',
    run: async ({ transport, until, publish, collect }) => {
      const [stuck, fine] = [unique(), unique()];
      const { opened, open } = latch();
      const held = await collect(transport, { topic: stuck, group: 'g', concurrency: 1 }, async () => {
        await opened;
        return ACK;
      });
      const collector = await collect(transport, { topic: fine, group: 'g' });
      await publish(transport, stuck, messages(10));
      await held.received(1);
      await publish(transport, fine, [message()]);
      await collector.received(1);
      open();
      await until(() => held.deliveries.length === 10);
    },
  },
];
