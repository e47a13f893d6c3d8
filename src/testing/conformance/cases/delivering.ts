import { type Case, message, messages, unique } from '../bench.js';

const PATTERN = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const MIB = new Uint8Array(1024 * 1024).map((_, index) => index * 31);

export const delivering: readonly Case[] = [
  ...[
    ['an empty body', new Uint8Array(0)],
    ['a body with every byte', PATTERN],
    ['a body of 1 MiB', MIB],
  ].map(([what, body]): Case => ({
    title: `delivers ${String(what)} as it was sent`,
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' });
      await publish(transport, topic, [message({ body: body as Uint8Array })]);
      const [delivery] = await collector.received(1);
      expect(Buffer.from(delivery!.message.body).equals(body as Uint8Array)).toBe(true);
    },
  })),
  {
    title: 'delivers id, key and headers as they were sent, also beyond ASCII',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' });
      const sent = message({
        id: 'an-id:1/2',
        key: 'Schlüssel 🔑',
        headers: { 'content-type': 'text/plain', tenant: 'Łódź 🎉', empty: '', ce_type: 'a.b' },
      });
      await publish(transport, topic, [sent]);
      const [delivery] = await collector.received(1);
      expect(delivery).toMatchObject({ attempt: 1, transport: transport.name });
      expect({ ...delivery!.message, headers: { ...delivery!.message.headers }, body: 0 }).toEqual({
        ...sent,
        body: 0,
      });
    },
  },
  {
    title: 'leaves the key out where there was none',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' });
      await publish(transport, topic, [message()]);
      expect((await collector.received(1))[0]!.message.key).toBeUndefined();
    },
  },
  {
    title: 'answers for every message of a call, and delivers each of them once',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' });
      const sent = messages(1_500);
      await publish(transport, topic, sent);
      await collector.received(sent.length);
      expect(collector.ids().sort()).toEqual(sent.map((one) => one.id).sort());
    },
  },
  {
    title: 'carries many calls at the same time without mixing up their topics',
    run: async ({ transport, expect, publish, collect }) => {
      const topics = Array.from({ length: 20 }, () => unique());
      const collectors = await Promise.all(topics.map((topic) => collect(transport, { topic, group: 'g' })));
      await Promise.all(
        topics.flatMap((topic) =>
          [1, 2, 3].map(() => publish(transport, topic, [message({ body: Buffer.from(topic) })])),
        ),
      );
      for (const [index, collector] of collectors.entries()) {
        await collector.received(3);
        expect(
          new Set(collector.deliveries.map(({ message: { body } }) => Buffer.from(body).toString())),
        ).toEqual(new Set([topics[index]]));
      }
    },
  },
  {
    title: 'accepts an empty call',
    run: async ({ transport, publish }) => {
      await publish(transport, unique(), []);
    },
  },
];
