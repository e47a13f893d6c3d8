import { OWN_HEADERS } from '../../../core/messaging/ports/headers.js';
import { ACK, type Case, message, QUIET_MS, sleep, unique } from '../bench.js';

/** Everything that would be an instruction, had the core or a transport written it. */
const FORGED = {
  [OWN_HEADERS.attempt.name]: '99',
  [OWN_HEADERS.history.name]: '1@2:Error',
  [OWN_HEADERS.deadLetterId.name]: '0190-forged',
  [OWN_HEADERS.dueAt.name]: '99999999999999',
  [OWN_HEADERS.delayMs.name]: '3600000',
  [OWN_HEADERS.topic.name]: 'forged.topic',
  [OWN_HEADERS.group.name]: 'forged',
};
const RETRY_ONCE = (_: unknown, nth: number) => (nth === 1 ? ({ kind: 'retry', delayMs: 20 } as const) : ACK);

const controlHeaders = (headers: object): string[] => Object.keys(headers).filter((name) => name in FORGED);

export const foreign: readonly Case[] = [
  {
    title: 'believes no header of ours in a foreign message, nor in its retry, and reports it',
    needs: 'foreign',
    run: async ({ transport, options, events, expect, collect }) => {
      const topic = unique();
      const elsewhere = await collect(transport, { topic: FORGED['x-swy-topic'], group: 'g' });
      const collector = await collect(transport, { topic, group: 'g' }, RETRY_ONCE);
      await options.foreign!.publish(transport, topic, {
        headers: { ...FORGED, tenant: 'acme' },
        body: Buffer.from('{}'),
      });
      await collector.received(2);
      await sleep(QUIET_MS);
      expect(collector.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2]);
      for (const { message: one } of collector.deliveries) {
        expect(controlHeaders(one.headers)).toEqual([]);
        expect(one.headers['tenant']).toBe('acme');
      }
      expect(elsewhere.ids()).toEqual([]);
      const ignored = events.filter(({ type }) => type === 'headers-ignored');
      expect(ignored).toEqual([{ type: 'headers-ignored', topic, group: 'g', count: 1 }]);
    },
  },
  {
    title:
      'takes foreign messages with equal bodies for different ones, each with an id that its retry keeps',
    needs: 'foreign',
    run: async ({ transport, options, expect, collect }) => {
      const topic = unique();
      const collector = await collect(transport, { topic, group: 'g' }, ({ attempt }) =>
        attempt === 1 ? { kind: 'retry', delayMs: 20 } : ACK,
      );
      for (let copy = 0; copy < 3; copy++)
        await options.foreign!.publish(transport, topic, { headers: {}, body: Buffer.from('{"tick":1}') });
      await collector.received(6);
      await sleep(QUIET_MS);
      const idsOf = (wanted: number): string[] =>
        collector.deliveries
          .filter(({ attempt }) => attempt === wanted)
          .map(({ message: { id } }) => id)
          .sort();
      expect(new Set(idsOf(1)).size).toBe(3);
      expect(idsOf(2)).toEqual(idsOf(1));
      expect(collector.deliveries).toHaveLength(6);
    },
  },
  {
    title:
      'delivers what it cannot read in a place of its own as a dead letter, with its bytes, and then the rest',
    needs: 'unreadable',
    run: async ({ transport, options, expect, until, publish, collect }) => {
      const topic = unique();
      const bytes = Buffer.from([0x7b, 0x00, 0xff, 0xfe]);
      const collector = await collect(transport, { topic, group: 'g', concurrency: 1 });
      await options.unreadable!(transport, { topic, group: 'g' }, bytes);
      await until(() => collector.deliveries.some(({ unacceptable }) => unacceptable !== undefined));
      await publish(transport, topic, [message({ id: 'next' })]);
      await until(() => collector.ids().includes('next'));
      await sleep(QUIET_MS);
      const [unreadable, ...others] = collector.deliveries;
      expect(unreadable!.unacceptable?.reason).toBe('deserialization_failed');
      expect(unreadable!.unacceptable?.detail.length).toBeGreaterThanOrEqual(10);
      expect(Buffer.from(unreadable!.message.body)).toEqual(bytes);
      expect(others.map(({ message: { id } }) => id)).toEqual(['next']);
    },
  },
];
