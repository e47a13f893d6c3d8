import { type GroupKeeper, keepsGroups } from '../../../core/messaging/index.js';
import { ACK, type Bench, type Case, latch, messages, unique } from '../bench.js';

const GROUPS = ['stays', 'goes'] as const;
const NOTHING = { ready: 0, inFlight: 0, delayed: 0 };

function keeperOf({ transport }: Bench): GroupKeeper {
  if (!keepsGroups(transport))
    throw new Error('The options say that it keeps groups, but it cannot list them.');
  return transport;
}

async function leaveBacklog(bench: Bench, topic: string, count: number): Promise<void> {
  for (const group of GROUPS) await (await bench.collect(bench.transport, { topic, group })).consumer.stop();
  await bench.publish(bench.transport, topic, messages(count));
}

export const forgetting: readonly Case[] = [
  {
    title: 'lists every group of a topic with its backlog, and whether anybody consumes for it',
    needs: 'keepsGroups',
    run: async (bench) => {
      const topic = unique();
      const keeper = keeperOf(bench);
      bench.expect(await keeper.groups(topic)).toEqual([]);
      await leaveBacklog(bench, topic, 3);
      const { opened, open } = latch();
      const stays = await bench.collect(bench.transport, { topic, group: 'stays' }, async () => {
        await opened;
        return ACK;
      });
      await stays.received(3);
      const found = Object.fromEntries((await keeper.groups(topic)).map((one) => [one.group, one]));
      bench.expect(found['stays']).toMatchObject({ isConsumed: true, backlog: { ready: 0, inFlight: 3 } });
      bench.expect(found['goes']).toMatchObject({ isConsumed: false, backlog: { ready: 3, inFlight: 0 } });
      bench.expect(found['goes']?.backlog.oldestAgeMs).toBeGreaterThanOrEqual(0);
      open();
    },
  },
  {
    title: 'forgets a group on request with all that it has not settled, and leaves the others alone',
    needs: 'keepsGroups',
    run: async (bench) => {
      const topic = unique();
      const keeper = keeperOf(bench);
      await leaveBacklog(bench, topic, 3);
      await bench.publish(bench.transport, { topic, group: 'goes' }, messages(2), { delayMs: 60_000 });
      bench.expect(await keeper.removeGroup(topic, 'goes')).toBe(true);
      bench.expect(await keeper.removeGroup(topic, 'goes')).toBe(false);
      bench.expect((await keeper.groups(topic)).map(({ group }) => group)).toEqual(['stays']);
      bench.expect(await bench.transport.backlog({ topic, group: 'goes' })).toEqual(NOTHING);
      const stays = await bench.collect(bench.transport, { topic, group: 'stays' });
      await stays.received(3);
    },
  },
  {
    title: 'does not forget a group that is consumed',
    needs: 'keepsGroups',
    run: async (bench) => {
      const topic = unique();
      const keeper = keeperOf(bench);
      const collector = await bench.collect(bench.transport, { topic, group: 'g' });
      await bench.expect(keeper.removeGroup(topic, 'g')).rejects.toMatchObject({ code: 'CONFLICT' });
      await bench.publish(bench.transport, topic, messages(1));
      await collector.received(1);
      await collector.consumer.stop();
      await bench.until(async () => (await keeper.groups(topic)).every(({ isConsumed }) => !isConsumed));
      bench.expect(await keeper.removeGroup(topic, 'g')).toBe(true);
    },
  },
];
