import { ACK, type Case, message, messages, QUIET_MS, sleep, unique } from '../bench.js';

export const restarting: readonly Case[] = [
  {
    title: 'has after a restart what it had accepted before, for every group that had consumed',
    needs: 'reopen',
    run: async (bench) => {
      const topic = unique();
      for (const group of ['a', 'b'])
        await (await bench.collect(bench.transport, { topic, group })).consumer.stop();
      const sent = messages(300);
      await bench.publish(bench.transport, topic, sent);
      await bench.publish(bench.transport, { topic, group: 'b' }, [message({ id: 'directed' })]);
      const transport = await bench.reopen();
      const [a, b] = [
        await bench.collect(transport, { topic, group: 'a' }),
        await bench.collect(transport, { topic, group: 'b' }),
      ];
      await a.received(300);
      await b.received(301);
      bench.expect(a.ids().sort()).toEqual(sent.map((one) => one.id).sort());
      bench.expect(b.ids().sort()).toEqual([...sent.map((one) => one.id), 'directed'].sort());
      bench.expect(b.deliveries.every(({ attempt }) => attempt === 1)).toBe(true);
    },
  },
  {
    title: 'does not deliver after a restart what was settled before',
    needs: 'reopen',
    run: async (bench) => {
      const topic = unique();
      const before = await bench.collect(bench.transport, { topic, group: 'g' });
      await bench.publish(bench.transport, topic, messages(50));
      await before.received(50);
      await before.consumer.stop();
      const transport = await bench.reopen();
      const after = await bench.collect(transport, { topic, group: 'g' });
      await bench.publish(transport, topic, [message({ id: 'new' })]);
      await after.received(1);
      await sleep(QUIET_MS);
      bench.expect(after.ids()).toEqual(['new']);
    },
  },
  {
    title: 'keeps retries and delayed messages over a restart, with attempt, headers and time',
    needs: 'reopen',
    run: async (bench) => {
      const topic = unique();
      const before = await bench.collect(bench.transport, { topic, group: 'g' }, () => ({
        kind: 'retry',
        delayMs: 600,
        headers: { note: 'x' },
      }));
      const startedAt = performance.now();
      await bench.publish(bench.transport, topic, [message({ id: 'retried' })]);
      await before.received(1);
      await before.consumer.stop();
      await bench.publish(bench.transport, topic, [message({ id: 'delayed' })], { delayMs: 900 });
      const transport = await bench.reopen();
      const arrivals: Record<string, number> = {};
      const after = await bench.collect(transport, { topic, group: 'g' }, ({ message: { id } }) => {
        arrivals[id] = performance.now() - startedAt;
        return ACK;
      });
      await after.received(2);
      // Both are due when the restart has taken longer than they wait, and then nothing promises an order.
      const [delayed, retried] = [...after.deliveries].sort((one, other) =>
        one.message.id < other.message.id ? -1 : 1,
      );
      bench.expect([delayed?.message.id, delayed?.attempt]).toEqual(['delayed', 1]);
      bench.expect([retried?.message.id, retried?.attempt]).toEqual(['retried', 2]);
      bench.expect(retried?.message.headers['note']).toBe('x');
      bench.expect(arrivals['retried']).toBeGreaterThanOrEqual(590);
      bench.expect(arrivals['delayed']).toBeGreaterThanOrEqual(890);
    },
  },
];
