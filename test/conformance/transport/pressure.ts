import {
  ACK,
  type Case,
  collect,
  latch,
  message,
  messages,
  publish,
  QUIET_MS,
  sleep,
  unique,
  until,
} from './harness.js';

export const pressure: readonly Case[] = [
  ...[1, 3].map((concurrency): Case => ({
    title: `has at most ${concurrency} deliveries in hand when that is the concurrency, and as many when there is work`,
    run: async ({ transport }) => {
      const topic = unique();
      let inHand = 0;
      let most = 0;
      const collector = await collect(transport, { topic, group: 'g', concurrency }, async () => {
        most = Math.max(most, ++inHand);
        await sleep(10);
        inHand--;
        return ACK;
      });
      await publish(transport, topic, messages(20));
      await collector.received(20);
      expect(most).toBe(concurrency);
    },
  })),
  {
    title: 'fills a free slot while another delivery is slow',
    run: async ({ transport }) => {
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
    title: 'holds no more than its slots in memory while a slow handler faces a flood',
    run: async ({ transport }) => {
      const topic = unique();
      const { opened, open } = latch();
      const collector = await collect(transport, { topic, group: 'g', concurrency: 2 }, async () => {
        await opened;
        return ACK;
      });
      const body = Buffer.alloc(4_096, 1);
      for (let round = 0; round < 40; round++) {
        const outcomes = await transport.publish({ topic }, messages(250, { body }), { deadlineMs: 20_000 });
        for (const { kind } of outcomes) expect(['accepted', 'unavailable']).toContain(kind);
      }
      await collector.received(2);
      await sleep(QUIET_MS);
      expect(collector.deliveries).toHaveLength(2);
      if (transport.durability !== 'memory') {
        (globalThis as { gc?: () => void }).gc?.();
        expect(process.memoryUsage().arrayBuffers).toBeLessThan(400 * 2 ** 20);
      }
      open();
    },
  },
  {
    title: 'goes on with other topics while the handlers of one are stuck',
    run: async ({ transport }) => {
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
