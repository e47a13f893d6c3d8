import { ACK, type Case, latch, message, QUIET_MS, type Settle, sleep, unique } from '../bench.js';

/** More than any broker delivers a message by default before it takes it away. */
const MANY = 30;

const sameAttempt = (delayMs: number) => ({ kind: 'retry', delayMs, countsAttempt: false }) as const;

/** Counts one attempt, then asks many times for the same one, then counts one more. */
const counting: Settle = (_, nth) => {
  if (nth === 1 || nth === MANY + 2) return { kind: 'retry', delayMs: 0 };
  return nth < MANY + 2 ? sameAttempt(nth % 2) : ACK;
};
const COUNTED = [1, ...Array.from({ length: MANY + 1 }, () => 2), 3];

export const uncounted: readonly Case[] = [
  {
    title: 'delivers a retry that counts no attempt with the same number, as often as it is asked to',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' }, counting);
      await publish(transport, topic, [message({ id: 'one' })]);
      await collector.received(COUNTED.length);
      await sleep(QUIET_MS);
      expect(collector.deliveries.map(({ attempt }) => attempt)).toEqual(COUNTED);
      expect(new Set(collector.ids())).toEqual(new Set(['one']));
    },
  },
  {
    title: 'counts no attempt of a message for one group either',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' }, counting);
      await publish(transport, { topic, group: 'g' }, [message()]);
      await collector.received(COUNTED.length);
      expect(collector.deliveries.map(({ attempt }) => attempt)).toEqual(COUNTED);
    },
  },
  {
    title: 'waits before a retry that counts no attempt, and lays its headers over the message',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const times: number[] = [];
      const collector = await collect(transport, { topic, group: 'g' }, (_, nth) => {
        times.push(performance.now());
        return nth === 1 ? { ...sameAttempt(200), headers: { note: 'x' } } : ACK;
      });
      await publish(transport, topic, [message({ headers: { kept: 'y' } })]);
      const [, again] = await collector.received(2);
      expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(190);
      expect([again!.attempt, { ...again!.message.headers }]).toEqual([1, { kept: 'y', note: 'x' }]);
    },
  },
  {
    title: 'runs messages of a key one by one and in order around a retry that counts no attempt',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      let running = 0;
      let most = 0;
      const collector = await collect(
        transport,
        { topic, group: 'g', concurrency: 4, ordering: 'key' },
        async ({ message: { id } }, nth) => {
          most = Math.max(most, ++running);
          await sleep(5);
          running--;
          return id === '0' && nth === 1 ? sameAttempt(30) : ACK;
        },
      );
      const ids = ['0', '1', '2', '3', '4', '5'];
      await publish(
        transport,
        topic,
        ids.map((id) => message({ id, key: 'k' })),
      );
      await collector.received(7);
      const others = collector.ids().filter((id) => id !== '0');
      expect(others).toEqual(ids.slice(1));
      expect(collector.deliveries.map(({ attempt }) => attempt)).toEqual(Array(7).fill(1));
      expect(most).toBe(1);
    },
  },
  {
    title: 'keeps the number of a retry that counts no attempt over a restart',
    needs: 'reopen',
    run: async (bench) => {
      const topic = unique();
      const before = await bench.collect(bench.transport, { topic, group: 'g' }, (_, nth) =>
        nth === 1 ? { kind: 'retry', delayMs: 0 } : sameAttempt(300),
      );
      await bench.publish(bench.transport, topic, [message({ id: 'one' })]);
      await before.received(2);
      await before.consumer.stop();
      const transport = await bench.reopen();
      const after = await bench.collect(transport, { topic, group: 'g' }, (_, nth) =>
        nth === 1 ? { kind: 'retry', delayMs: 0 } : ACK,
      );
      await after.received(2);
      bench.expect(after.deliveries.map(({ message: { id }, attempt }) => [id, attempt])).toEqual([
        ['one', 2],
        ['one', 3],
      ]);
    },
  },
  {
    title: 'delivers after a restart as the same attempt what was abandoned when it stopped',
    needs: 'reopen',
    run: async (bench) => {
      const topic = unique();
      const { opened, open } = latch();
      const before = await bench.collect(bench.transport, { topic, group: 'g', concurrency: 2 }, async () => {
        await opened;
        return sameAttempt(0);
      });
      await bench.publish(bench.transport, topic, [message({ id: 'a' }), message({ id: 'b' })]);
      await before.received(2);
      const stopped = before.consumer.stop();
      open();
      await stopped;
      const transport = await bench.reopen();
      const after = await bench.collect(transport, { topic, group: 'g' });
      await after.received(2);
      await sleep(QUIET_MS);
      const attempts = after.deliveries.map(({ message: { id }, attempt }) => `${id}: ${attempt}`);
      bench.expect(attempts.sort()).toEqual(['a: 1', 'b: 1']);
      await bench.until(async () => (await transport.backlog({ topic, group: 'g' })).ready === 0);
    },
  },
];
