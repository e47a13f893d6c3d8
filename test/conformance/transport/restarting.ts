import { ACK, type Case, collect, message, messages, publish, QUIET_MS, sleep, unique } from './harness.js';

export const restarting: readonly Case[] = [
  {
    title: 'has after a restart what it had accepted before, for every group that had consumed',
    needs: 'reopen',
    run: async (bench) => {
      const topic = unique();
      for (const group of ['a', 'b'])
        await (await collect(bench.transport, { topic, group })).consumer.stop();
      const sent = messages(300);
      await publish(bench.transport, topic, sent);
      await publish(bench.transport, { topic, group: 'b' }, [message({ id: 'directed' })]);
      const transport = await bench.reopen();
      const [a, b] = [
        await collect(transport, { topic, group: 'a' }),
        await collect(transport, { topic, group: 'b' }),
      ];
      await a.received(300);
      await b.received(301);
      expect(a.ids().sort()).toEqual(sent.map((one) => one.id).sort());
      expect(b.ids().sort()).toEqual([...sent.map((one) => one.id), 'directed'].sort());
      expect(b.deliveries.every(({ attempt }) => attempt === 1)).toBe(true);
    },
  },
  {
    title: 'does not deliver after a restart what was settled before',
    needs: 'reopen',
    run: async (bench) => {
      const topic = unique();
      const before = await collect(bench.transport, { topic, group: 'g' });
      await publish(bench.transport, topic, messages(50));
      await before.received(50);
      await before.consumer.stop();
      const transport = await bench.reopen();
      const after = await collect(transport, { topic, group: 'g' });
      await publish(transport, topic, [message({ id: 'new' })]);
      await after.received(1);
      await sleep(QUIET_MS);
      expect(after.ids()).toEqual(['new']);
    },
  },
  {
    title: 'keeps retries and delayed messages over a restart, with attempt, headers and time',
    needs: 'reopen',
    run: async (bench) => {
      const topic = unique();
      const before = await collect(bench.transport, { topic, group: 'g' }, () => ({
        kind: 'retry',
        delayMs: 600,
        headers: { note: 'x' },
      }));
      const startedAt = performance.now();
      await publish(bench.transport, topic, [message({ id: 'retried' })]);
      await before.received(1);
      await before.consumer.stop();
      await publish(bench.transport, topic, [message({ id: 'delayed' })], { delayMs: 900 });
      const transport = await bench.reopen();
      const arrivals: number[] = [];
      const after = await collect(transport, { topic, group: 'g' }, () => {
        arrivals.push(performance.now() - startedAt);
        return ACK;
      });
      await after.received(2);
      expect(after.deliveries.map(({ message: { id }, attempt }) => [id, attempt])).toEqual([
        ['retried', 2],
        ['delayed', 1],
      ]);
      expect(after.deliveries[0]!.message.headers['note']).toBe('x');
      expect(arrivals[0]).toBeGreaterThanOrEqual(590);
      expect(arrivals[1]).toBeGreaterThanOrEqual(890);
    },
  },
];
