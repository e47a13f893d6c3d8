import { type Case, message, messages, unique } from '../bench.js';

export const limits: readonly Case[] = [
  {
    title: 'refuses a message over its limit and accepts its neighbours, with the outcomes in order',
    run: async ({ transport, options, expect, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' });
      const [before, after] = [message(), message()];
      const tooLarge = message({ body: new Uint8Array(options.tooLargeBytes) });
      const outcomes = await transport.publish({ topic }, [before, tooLarge, after], { deadlineMs: 20_000 });
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(['accepted', 'refused', 'accepted']);
      expect(outcomes[1]).toMatchObject({ error: { code: 'MESSAGE_TOO_LARGE' } });
      await collector.received(2);
      expect(collector.ids().sort()).toEqual([before.id, after.id].sort());
    },
  },
  {
    title: 'refuses names that no topic and no group can have',
    run: async ({ transport, expect }) => {
      for (const name of [
        '',
        'a b',
        'a.*',
        'a.#',
        '../../x',
        'a..b',
        '{a}',
        'a/b',
        'a\nb',
        'x'.repeat(201),
      ]) {
        for (const to of [{ topic: name }, { topic: unique(), group: name }]) {
          const outcomes = await transport.publish(to, [message()], { deadlineMs: 20_000 });
          expect([name, outcomes.map((outcome) => outcome.kind)]).toEqual([name, ['refused']]);
        }
        const consume = async (topic: string, group: string): Promise<unknown> =>
          transport.consume({ topic, group, concurrency: 1, ordering: 'none' }, () =>
            Promise.resolve({ kind: 'ack' }),
          );
        await expect(consume(name, 'g')).rejects.toMatchObject({ code: 'TOPIC_INVALID' });
        await expect(consume(unique(), name)).rejects.toMatchObject({ code: 'TOPIC_INVALID' });
      }
    },
  },
  {
    title: 'answers within the deadline',
    run: async ({ transport, expect }) => {
      for (const deadlineMs of [1, 50, 500]) {
        const startedAt = performance.now();
        const outcomes = await transport.publish({ topic: unique() }, messages(50), { deadlineMs });
        expect(performance.now() - startedAt).toBeLessThan(deadlineMs + 5_000);
        for (const outcome of outcomes)
          expect(['accepted', 'unknown', 'unavailable']).toContain(outcome.kind);
      }
    },
  },
  {
    title: 'proves by ping that it works',
    run: async ({ transport }) => {
      await transport.ping();
    },
  },
  {
    title: 'serves a hundred subscriptions at once',
    run: async ({ transport, publish, collect }) => {
      const topics = Array.from({ length: 100 }, () => unique());
      const collectors = await Promise.all(topics.map((topic) => collect(transport, { topic, group: 'g' })));
      await Promise.all(topics.map((topic) => publish(transport, topic, [message()])));
      await Promise.all(collectors.map((collector) => collector.received(1)));
    },
  },
];
