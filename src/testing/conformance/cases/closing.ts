import { ACK, type Case, latch, message, messages, unique } from '../bench.js';

/** `close` gives up what it waits for by then. */
const CLOSE_MS = 15_000;

export const closing: readonly Case[] = [
  {
    title: 'reports once that it is connected, and once that it no longer is',
    run: async ({ transport, events, expect }) => {
      const lines = (): string[] =>
        events.map(({ type }) => type).filter((type) => /^(dis)?connected$/.test(type));
      expect(lines()).toEqual(['connected']);
      await transport.connect();
      await transport.close();
      await transport.close();
      expect(lines()).toEqual(['connected', 'disconnected']);
    },
  },
  {
    title: 'may be closed twice, also at the same time',
    run: async ({ transport }) => {
      await Promise.all([transport.close(), transport.close()]);
      await transport.close();
    },
  },
  {
    title: 'closes within bounds while a handler is stuck',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const { opened, open } = latch();
      const collector = await collect(transport, { topic, group: 'g' }, async () => {
        await opened;
        return ACK;
      });
      await publish(transport, topic, [message()]);
      await collector.received(1);
      const startedAt = performance.now();
      await transport.close();
      expect(performance.now() - startedAt).toBeLessThan(CLOSE_MS);
      open();
    },
  },
  {
    title: 'answers every publish that is under way while it closes',
    run: async ({ transport, expect }) => {
      const publishing = Array.from({ length: 20 }, () =>
        transport.publish({ topic: unique() }, messages(50), { deadlineMs: 10_000 }),
      );
      await transport.close();
      for (const outcomes of await Promise.all(publishing)) {
        expect(outcomes).toHaveLength(50);
        for (const { kind } of outcomes) expect(['accepted', 'unavailable', 'unknown']).toContain(kind);
      }
    },
  },
  {
    title: 'takes nothing once it is closed',
    run: async ({ transport, expect }) => {
      await transport.close();
      const outcomes = await transport.publish({ topic: unique() }, messages(2), { deadlineMs: 1_000 });
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(['unavailable', 'unavailable']);
      const consume = transport.consume(
        { topic: unique(), group: 'g', concurrency: 1, ordering: 'none' },
        () => Promise.resolve(ACK),
      );
      await expect(consume).rejects.toBeInstanceOf(Error);
      await expect(transport.ping()).rejects.toBeInstanceOf(Error);
    },
  },
];
