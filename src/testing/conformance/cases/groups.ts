import { type Case, message, messages, QUIET_MS, sleep, unique } from '../bench.js';

export const groups: readonly Case[] = [
  {
    title: 'gives every group a copy',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collectors = await Promise.all(
        ['a', 'b', 'c'].map((group) => collect(transport, { topic, group })),
      );
      const sent = messages(20);
      await publish(transport, topic, sent);
      for (const collector of collectors) {
        await collector.received(sent.length);
        expect(collector.ids().sort()).toEqual(sent.map((one) => one.id).sort());
      }
    },
  },
  {
    title: 'gives a directed message to its group only',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const [billing, shipping] = await Promise.all([
        collect(transport, { topic, group: 'billing' }),
        collect(transport, { topic, group: 'shipping' }),
      ]);
      await publish(transport, { topic, group: 'billing' }, [message({ id: 'directed' })]);
      await publish(transport, topic, [message({ id: 'for-all' })]);
      await billing.received(2);
      await shipping.received(1);
      await sleep(QUIET_MS);
      expect(billing.ids().sort()).toEqual(['directed', 'for-all']);
      expect(shipping.ids()).toEqual(['for-all']);
    },
  },
  {
    title: 'shares the work of a group among its consumers, each message once',
    run: async ({ transport, expect, until, publish, collect }) => {
      const topic = unique();
      const slow = async (): Promise<{ kind: 'ack' }> => {
        await sleep(5);
        return { kind: 'ack' };
      };
      const first = await collect(transport, { topic, group: 'g', concurrency: 2 }, slow);
      const second = await collect(transport, { topic, group: 'g', concurrency: 2 }, slow);
      const sent = messages(60);
      await publish(transport, topic, sent);
      const all = (): string[] => [...first.ids(), ...second.ids()];
      await until(
        () => all().length >= sent.length,
        () => `${all().length} of ${sent.length} deliveries`,
      );
      await sleep(QUIET_MS);
      expect(all().sort()).toEqual(sent.map((one) => one.id).sort());
      expect(first.ids().length).toBeGreaterThan(0);
      expect(second.ids().length).toBeGreaterThan(0);
    },
  },
  {
    title: 'keeps messages for a group while it does not consume',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const before = await collect(transport, { topic, group: 'g' });
      await before.consumer.stop();
      const sent = messages(5);
      await publish(transport, topic, sent);
      await publish(transport, { topic, group: 'g' }, [message({ id: 'directed' })]);
      const after = await collect(transport, { topic, group: 'g' });
      await after.received(6);
      expect(after.ids().sort()).toEqual([...sent.map((one) => one.id), 'directed'].sort());
      expect(before.ids()).toEqual([]);
    },
  },
  {
    title: 'does not deliver again what a group has settled when it consumes again',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const before = await collect(transport, { topic, group: 'g' });
      await publish(transport, topic, messages(5));
      await before.received(5);
      await before.consumer.stop();
      const after = await collect(transport, { topic, group: 'g' });
      await publish(transport, topic, [message({ id: 'new' })]);
      await after.received(1);
      await sleep(QUIET_MS);
      expect(after.ids()).toEqual(['new']);
    },
  },
  {
    title: 'gives the first group of a topic what was published before it came',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const sent = messages(3);
      await publish(transport, topic, sent);
      const first = await collect(transport, { topic, group: 'first' });
      await first.received(3);
      expect(first.ids().sort()).toEqual(sent.map((one) => one.id).sort());
    },
  },
  {
    title: 'gives a group that comes late everything from then on, and takes nothing from the others',
    run: async ({ transport, expect, until, publish, collect }) => {
      const topic = unique();
      const early = await collect(transport, { topic, group: 'early' });
      const before = messages(5);
      await publish(transport, topic, before);
      await early.received(5);
      const late = await collect(transport, { topic, group: 'late' });
      const after = messages(5);
      await publish(transport, topic, after);
      const ids = (sent: typeof before): string[] => sent.map((one) => one.id);
      await until(() => ids(after).every((id) => late.ids().includes(id)));
      await early.received(10);
      await sleep(QUIET_MS);
      expect(early.ids().sort()).toEqual([...ids(before), ...ids(after)].sort());
      expect(new Set(late.ids()).size).toBe(late.ids().length);
      expect(late.deliveries.every(({ attempt }) => attempt === 1)).toBe(true);
    },
  },
  {
    title: 'gives a message of one topic to no group of another',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const mine = await collect(transport, { topic, group: 'g' });
      const other = await collect(transport, { topic: `${topic}.more`, group: 'g' });
      await publish(transport, topic, [message()]);
      await mine.received(1);
      await sleep(QUIET_MS);
      expect(other.ids()).toEqual([]);
    },
  },
];
