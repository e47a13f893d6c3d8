import type { Transport } from '../../../core/messaging/index.js';
import { ACK, type Bench, type Case, message, messages, QUIET_MS, sleep, unique } from '../bench.js';
import { killed } from './killed-process.js';

/** Publishes from this process into a storage of its own, and lets go of it. */
async function prepare(bench: Bench, topic: string, ids: readonly string[]): Promise<string> {
  const { options, collect, publish } = bench;
  const { storage, open } = options.process!;
  const place = storage();
  const transport = await open(place);
  await (await collect(transport, { topic, group: 'g' })).consumer.stop();
  await publish(
    transport,
    topic,
    ids.map((id) => message({ id })),
  );
  await transport.close();
  return place;
}

async function reopened<T>(
  bench: Bench,
  storage: string,
  use: (transport: Transport) => Promise<T>,
): Promise<T> {
  const transport = await bench.options.process!.open(storage);
  try {
    return await use(transport);
  } finally {
    await transport.close();
  }
}

export const crashing: readonly Case[] = [
  {
    title:
      'delivers again what a killed process had in flight, as a further attempt, and the rest as a first one',
    needs: 'process',
    run: async (bench) => {
      const topic = unique();
      const storage = await prepare(bench, topic, ['a', 'b', 'c', 'd']);
      const task = { topic, role: 'consume', concurrency: 2 } as const;
      const lines = await killed(bench, storage, task, ({ length }) => length === 2);
      const attempts = { a: 1, b: 1, c: 1, d: 1 };
      for (const line of lines) Object.assign(attempts, { [line.split(' ')[1] ?? '']: 2 });
      await reopened(bench, storage, async (transport) => {
        const collector = await bench.collect(transport, { topic, group: 'g' });
        await collector.received(4);
        await sleep(QUIET_MS);
        bench
          .expect(
            Object.fromEntries(collector.deliveries.map(({ message: { id }, attempt }) => [id, attempt])),
          )
          .toEqual(attempts);
        bench.expect(collector.deliveries).toHaveLength(4);
      });
    },
  },
  {
    title: 'counts every crash as an attempt',
    needs: 'process',
    run: async (bench) => {
      const topic = unique();
      const storage = await prepare(bench, topic, ['poison']);
      for (const attempt of [1, 2, 3]) {
        const lines = await killed(bench, storage, { topic, role: 'consume' }, ({ length }) => length === 1);
        bench.expect(lines).toEqual([`delivered poison ${attempt}`]);
      }
      await reopened(bench, storage, async (transport) => {
        const collector = await bench.collect(transport, { topic, group: 'g' });
        await collector.received(1);
        bench.expect(collector.deliveries[0]!.attempt).toBe(4);
      });
    },
  },
  {
    title: 'counts a crash also after a retry that counts no attempt',
    needs: 'process',
    run: async (bench) => {
      const topic = unique();
      const storage = await prepare(bench, topic, ['one']);
      const task = { topic, role: 'consume', settleFirst: 1, retryMs: 0, isUncounted: true } as const;
      const lines = await killed(bench, storage, task, ({ length }) => length === 2);
      bench.expect(lines).toEqual(['delivered one 1', 'delivered one 1']);
      await reopened(bench, storage, async (transport) => {
        const collector = await bench.collect(transport, { topic, group: 'g' });
        await collector.received(1);
        bench.expect(collector.deliveries[0]!.attempt).toBe(2);
      });
    },
  },
  {
    title: 'repeats after a kill at most what was in flight',
    needs: 'process',
    run: async (bench) => {
      const topic = unique();
      const ids = messages(40).map(({ id }) => id);
      const storage = await prepare(bench, topic, ids);
      const task = { topic, role: 'consume', settleFirst: 25 } as const;
      const lines = await killed(bench, storage, task, ({ length }) => length === 26);
      const settled = lines.slice(0, 25).map((line) => line.split(' ')[1] ?? ''); // in whatever order they came
      await reopened(bench, storage, async (transport) => {
        const collector = await bench.collect(transport, { topic, group: 'g' });
        await collector.received(15);
        await sleep(QUIET_MS);
        bench.expect(collector.ids().filter((id) => settled.includes(id))).toEqual([]);
        bench.expect(new Set(collector.ids()).size).toBe(15);
      });
    },
  },
  {
    title: 'keeps a retry that waits when the process is killed, with attempt, headers and time',
    needs: 'process',
    run: async (bench) => {
      const topic = unique();
      const storage = await prepare(bench, topic, ['one', 'two']);
      const task = { topic, role: 'consume', settleFirst: 1, retryMs: 3_000 } as const;
      const startedAt = Date.now();
      // One slot: the second is handed over once the retry of the first is settled.
      const lines = await killed(bench, storage, task, (all) => all.length === 2);
      const first = lines[0]?.split(' ')[1] ?? ''; // either: they have no key
      await reopened(bench, storage, async (transport) => {
        const times = new Map<string, number>();
        const collector = await bench.collect(transport, { topic, group: 'g' }, ({ message: { id } }) => {
          times.set(id, Date.now() - startedAt);
          return ACK;
        });
        await collector.received(2);
        await sleep(QUIET_MS);
        // In any order: both may be due once a death is noticed.
        const attempts = collector.deliveries.map(({ message: { id }, attempt }) => `${id}: ${attempt}`);
        bench.expect(attempts.sort()).toEqual(['one: 2', 'two: 2']);
        const retried = collector.deliveries.find(({ message: { id } }) => id === first);
        bench.expect(retried?.message.headers).toEqual({ again: 'yes' });
        bench.expect(times.get(first)).toBeGreaterThanOrEqual(3_000);
      });
    },
  },
  {
    title: 'has what it accepted from a process that was killed while publishing',
    needs: 'process',
    run: async (bench) => {
      const topic = unique();
      const storage = await prepare(bench, topic, []);
      const lines = await killed(bench, storage, { topic, role: 'publish' }, ({ length }) => length > 200);
      const accepted = lines.map((line) => line.split(' ')[1]);
      await reopened(bench, storage, async (transport) => {
        const collector = await bench.collect(transport, { topic, group: 'g', concurrency: 100 });
        await collector.received(accepted.length);
        await bench.until(() => accepted.every((id) => collector.ids().includes(id!)));
        bench.expect(new Set(collector.ids()).size).toBe(collector.ids().length);
      });
    },
  },
];
