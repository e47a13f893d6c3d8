import { attemptOf, continueAttempts } from '../../../core/messaging/delivery/delivery-checks.js';
import { OWN_HEADERS } from '../../../core/messaging/ports/headers.js';
import { ACK, type Case, message, messages, QUIET_MS, sleep, unique } from '../bench.js';

/** Set by the core, which reads them from what is delivered. */
const OF_THE_CORE = Object.values(OWN_HEADERS).filter(({ setBy }) => setBy === 'core');

/** A timer may fire this much early by the clock that we measure with. */
const EARLY_MS = 10;

export const retrying: readonly Case[] = [
  {
    title: 'delivers a retry not before its time, with the next attempt',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const times: number[] = [];
      const collector = await collect(transport, { topic, group: 'g' }, (_, nth) => {
        times.push(performance.now());
        return nth < 3 ? { kind: 'retry', delayMs: 200 } : ACK;
      });
      await publish(transport, topic, [message({ id: 'again' })]);
      await collector.received(3);
      await sleep(QUIET_MS);
      expect(collector.deliveries.map(({ message: { id }, attempt }) => [id, attempt])).toEqual([
        ['again', 1],
        ['again', 2],
        ['again', 3],
      ]);
      expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(200 - EARLY_MS);
      expect(times[2]! - times[1]!).toBeGreaterThanOrEqual(200 - EARLY_MS);
    },
  },
  {
    title: 'delivers a retry to the group that asked for it and to no other',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const failing = await collect(transport, { topic, group: 'failing' }, (_, nth) =>
        nth === 1 ? { kind: 'retry', delayMs: 20 } : ACK,
      );
      const fine = await collect(transport, { topic, group: 'fine' });
      await publish(transport, topic, [message()]);
      await failing.received(2);
      await sleep(QUIET_MS);
      expect(failing.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2]);
      expect(fine.deliveries.map(({ attempt }) => attempt)).toEqual([1]);
    },
  },
  {
    title: 'delivers other messages while a retry waits',
    run: async ({ transport, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g', concurrency: 1 }, (delivery) =>
        delivery.message.id === 'waits' ? { kind: 'retry', delayMs: 3_600_000 } : ACK,
      );
      await publish(transport, topic, [message({ id: 'waits' }), ...messages(10)]);
      await collector.received(11);
    },
  },
  {
    title: 'lays the headers of a retry over those of the message, from then on',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' }, (_, nth) => {
        if (nth === 1) return { kind: 'retry', delayMs: 0, headers: { changed: 'ä', added: '1' } };
        return nth === 2 ? { kind: 'retry', delayMs: 5 } : ACK;
      });
      const sent = message({ key: 'k', headers: { kept: 'x', changed: 'a' }, body: Buffer.from('body') });
      await publish(transport, topic, [sent]);
      const [first, second, third] = await collector.received(3);
      expect({ ...first!.message.headers }).toEqual({ kept: 'x', changed: 'a' });
      for (const later of [second!, third!]) {
        expect({ ...later.message.headers }).toEqual({ kept: 'x', changed: 'ä', added: '1' });
        expect([later.message.id, later.message.key, Buffer.from(later.message.body).toString()]).toEqual([
          sent.id,
          'k',
          'body',
        ]);
      }
    },
  },
  ...OF_THE_CORE.map(({ name }): Case => ({
    title: `hands ${name} to the core at first, after a delay and over a retry`,
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const headers = { [name]: '1@2:Error' };
      const collector = await collect(transport, { topic, group: 'g' }, (_, nth) => {
        if (nth === 1) return { kind: 'retry', delayMs: 20 };
        return nth === 2 ? { kind: 'retry', delayMs: 0 } : ACK;
      });
      // By the group's own address: by that of the topic, they may be foreign and need not be believed.
      await publish(transport, { topic, group: 'g' }, [message({ headers })]);
      await collector.received(3);
      await publish(transport, { topic, group: 'g' }, [message({ headers })], { delayMs: 20 });
      const deliveries = await collector.received(4);
      expect(deliveries.map((one) => ({ ...one.message.headers }))).toEqual(Array(4).fill(headers));
    },
  })),
  {
    title: 'lets the core continue the attempts that a message brings',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' }, (delivery, nth) =>
        nth === 1 ? { kind: 'retry', delayMs: 20, headers: continueAttempts(delivery) } : ACK,
      );
      const sent = message({ headers: { [OWN_HEADERS.attempt.name]: '3' } });
      await publish(transport, { topic, group: 'g' }, [sent]);
      expect((await collector.received(2)).map(attemptOf)).toEqual([3, 4]);
    },
  },
  {
    title: 'delivers a retry without delay soon',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' }, (_, nth) =>
        nth < 20 ? { kind: 'retry', delayMs: 0 } : ACK,
      );
      await publish(transport, topic, [message()]);
      await collector.received(20);
      expect(collector.deliveries.map(({ attempt }) => attempt)).toEqual(
        Array.from({ length: 20 }, (_, index) => index + 1),
      );
    },
  },
  {
    title: 'retries a directed message to its own group',
    run: async ({ transport, expect, publish, collect }) => {
      const topic = unique();
      const billing = await collect(transport, { topic, group: 'billing' }, (_, nth) =>
        nth === 1 ? { kind: 'retry', delayMs: 10 } : ACK,
      );
      const shipping = await collect(transport, { topic, group: 'shipping' });
      await publish(transport, { topic, group: 'billing' }, [message()]);
      await billing.received(2);
      await sleep(QUIET_MS);
      expect(shipping.ids()).toEqual([]);
    },
  },
  {
    title: 'parks a retry that its broker refuses, and delivers the next',
    needs: 'refusedRetry',
    run: async ({ transport, options, refused, expect, until, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g', concurrency: 1 }, ({ message: one }) =>
        one.id === 'refused' ? { kind: 'retry', delayMs: 0, headers: options.refusedRetry! } : ACK,
      );
      await publish(transport, topic, [message({ id: 'refused', body: Buffer.from('body') })]);
      await until(() => refused.length > 0);
      await publish(transport, topic, [message({ id: 'next' })]);
      await until(() => collector.ids().includes('next'));
      await sleep(QUIET_MS);
      expect(collector.ids()).toEqual(['refused', 'next']);
      expect(refused).toHaveLength(1);
      expect(refused[0]).toMatchObject({
        to: { topic, group: 'g' },
        message: { id: 'refused' },
        transport: transport.name,
        attempts: 1,
      });
      expect(Buffer.from(refused[0]!.message.body).toString()).toBe('body');
    },
  },
  {
    title: 'treats a callback that rejects as a retry, and continues',
    run: async ({ transport, expect, until, publish, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' }, (_, nth) => {
        if (nth === 1) throw new Error('the core never does this');
        return ACK;
      });
      await publish(transport, topic, [message({ id: 'first' }), message({ id: 'second' })]);
      await until(() => collector.deliveries.length >= 3);
      const [rejected] = collector.ids(); // either: the subscription asks for no order
      expect(collector.ids().sort()).toEqual(['first', 'second', rejected].sort());
    },
  },
];
