import type { Delivery, Settlement, TransportEvent } from '../../src/core/messaging/ports/transport.js';
import { TopicKeys } from '../../src/infrastructure/services/redis/topology/redis-keys.js';
import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './redis-bench.js';
import { closeAll, publishOne } from './transport-bench.js';

/** Another client removes what is ours: nothing that a process has in memory is lost, and what is gone is counted. */
let server: RedisServer;
let proxy: FaultProxy;
let number = 0;

beforeAll(async () => {
  server = await startRedis();
  proxy = await startFaultProxy({ targetPort: server.port });
}, 60_000);
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});
afterEach(async () => {
  for (const release of endings.splice(0)) release();
  proxy.heal();
  await closeAll();
  await server.command('FLUSHALL');
});

const endings: (() => void)[] = [];
/** A handler that runs until the test is over. */
const hang = (): Promise<Settlement> => new Promise((resolve) => endings.push(() => resolve(ACK)));
const ACK: Settlement = { kind: 'ack' };
const AGAIN: Settlement = { kind: 'retry', delayMs: 50 };

type Settle = (delivery: Delivery) => Settlement | Promise<Settlement>;

/** A transport with one consumer of the group `g`, and the keys of the topic. */
async function served(
  settle: Settle,
  {
    ordering = 'none',
    concurrency = 10,
    ...options
  }: {
    readonly ordering?: 'none' | 'key';
    readonly concurrency?: number;
    readonly keyPrefix?: string;
  } & Record<string, unknown> = {},
) {
  const { keyPrefix = `removed-${number++}:` } = options;
  const { transport, events } = await connected({ url: server.url, leaseMs: 1_000, ...options, keyPrefix });
  const deliveries: Delivery[] = [];
  await transport.consume({ topic: 't', group: 'g', concurrency, ordering }, async (delivery) => {
    deliveries.push(delivery);
    return settle(delivery);
  });
  const topic = new TopicKeys(keyPrefix, 't');
  const publish = async (count: number, key?: string): Promise<string[]> => {
    const ids = Array.from({ length: count }, () => `m${number++}`);
    const messages = ids.map((id) => ({
      id,
      headers: {},
      body: Buffer.from('{}'),
      ...(key === undefined ? {} : { key }),
    }));
    const outcomes = await transport.publish({ topic: 't' }, messages, { deadlineMs: 2_000 });
    expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true);
    return ids;
  };
  return { transport, events, deliveries, topic, group: topic.group('g'), keyPrefix, publish };
}

/** Lost messages by reason, as the events count them. */
function removedOf(events: readonly TransportEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of events)
    if (event.type === 'unread-removed') {
      expect(event).toMatchObject({ topic: 't', group: 'g' });
      counts[event.reason] = (counts[event.reason] ?? 0) + event.count;
    }
  return counts;
}

const idsOf = (deliveries: readonly Delivery[], attempt?: number): string[] =>
  deliveries
    .filter((delivery) => attempt === undefined || delivery.attempt === attempt)
    .map(({ message }) => message.id)
    .sort();

async function pendingOf(stream: string): Promise<string[]> {
  const pending = (await server.command('XPENDING', stream, 'g', '-', '+', 1_000)) as [string, string][];
  return pending.map(([id]) => id);
}

async function consumersOf(stream: string): Promise<string[]> {
  const infos = (await server.command('XINFO', 'CONSUMERS', stream, 'g')) as string[][];
  return infos.map((info) => info[1] ?? '');
}

const settled = (events: () => Record<string, number>, expected: Record<string, number>) =>
  waitUntil(`${JSON.stringify(expected)} is reported`, async () => {
    const found = events();
    return Object.entries(expected).every(([reason, count]) => (found[reason] ?? 0) >= count);
  });

describe('what is in flight is retried although', () => {
  const REMOVALS: Record<string, (topic: string, own: string) => Promise<unknown>> = {
    'its entries are deleted (XDEL)': async (topic) =>
      server.command('XDEL', topic, ...(await pendingOf(topic))),
    'its entries are trimmed (XTRIM)': (topic) => server.command('XTRIM', topic, 'MAXLEN', 0),
    'its consumer is removed (XGROUP DELCONSUMER)': async (topic) => {
      for (const name of await consumersOf(topic))
        await server.command('XGROUP', 'DELCONSUMER', topic, 'g', name);
    },
    'the stream of the topic is deleted (DEL)': (topic) => server.command('DEL', topic),
    'all streams of the group are deleted (DEL)': (topic, own) => server.command('DEL', topic, own),
    'everything is flushed (FLUSHALL)': () => server.command('FLUSHALL'),
  };

  it.each(Object.entries(REMOVALS))('%s', async (_, remove) => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const { events, deliveries, topic, group, publish } = await served(async ({ attempt }) => {
      if (attempt > 1) return ACK;
      await released;
      return AGAIN;
    });
    const ids = await publish(10);
    await waitUntil('all are in flight', async () => deliveries.length === 10);
    await remove(topic.log, group.log);
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // the group notices before the handlers end
    release();
    await waitUntil('all come again', async () => idsOf(deliveries, 2).length >= 10);
    expect(idsOf(deliveries, 2)).toEqual([...ids].sort());
    expect(removedOf(events)).toEqual({});
  });

  it('its retry waits in the stream of the group when that is trimmed', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const { deliveries, group, publish } = await served(async ({ attempt }) => {
      if (attempt === 2) await released;
      return attempt < 3 ? { kind: 'retry', delayMs: 0 } : ACK;
    });
    const ids = await publish(10);
    await waitUntil('all are on their second attempt', async () => idsOf(deliveries, 2).length === 10);
    await server.command('XTRIM', group.log, 'MAXLEN', 0);
    release();
    await waitUntil('all come again', async () => idsOf(deliveries, 3).length === 10);
    expect(idsOf(deliveries, 3)).toEqual([...ids].sort());
  });
});

describe('unread messages are counted when', () => {
  /** Ten are in flight and thirty are unread. */
  async function backlog() {
    const made = await served(hang);
    await made.publish(40);
    await waitUntil('ten are in flight', async () => made.deliveries.length === 10);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return made;
  }

  it('their stream is trimmed (XTRIM)', async () => {
    const { events, topic, transport, publish } = await backlog();
    await server.command('XTRIM', topic.log, 'MAXLEN', 0);
    await settled(() => removedOf(events), { trimmed: 30 });
    await publish(5);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(removedOf(events)).toEqual({ trimmed: 30 });
    expect(await transport.backlog({ topic: 't', group: 'g' })).toMatchObject({ ready: 5 });
  });

  it('another client publishes with MAXLEN', async () => {
    const { events, topic } = await backlog();
    await server.command('XADD', topic.log, 'MAXLEN', 5, '*', 'id', 'x', 'headers', '{}', 'body', '{}');
    await settled(() => removedOf(events), { trimmed: 26 });
    expect(removedOf(events)).toEqual({ trimmed: 26 });
  });

  it('some of them are deleted (XDEL)', async () => {
    const { events, topic } = await backlog();
    const entries = (await server.command('XRANGE', topic.log, '-', '+')) as [string, unknown][];
    const unread = entries.slice(-30).map(([id]) => id);
    await server.command('XDEL', topic.log, unread[3]!, unread[10]!, unread[20]!);
    await settled(() => removedOf(events), { trimmed: 3 });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(removedOf(events)).toEqual({ trimmed: 3 });
  });

  it('their stream is deleted, and consuming continues', async () => {
    const { events, topic, deliveries, publish } = await backlog();
    await server.command('DEL', topic.log);
    await settled(() => removedOf(events), { stream_deleted: 30 });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'problem',
        problem: expect.objectContaining({ code: 'group_deleted', topic: 't', group: 'g' }) as object,
      }),
    );
    await publish(1);
    expect(removedOf(events)).toEqual({ stream_deleted: 30 });
    expect(deliveries).toHaveLength(10);
  });

  it('the stream of the group is trimmed', async () => {
    const { events, transport, group, deliveries } = await backlog();
    for (let nth = 0; nth < 7; nth += 1) await publishOne(transport, { topic: 't', group: 'g' });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await server.command('XTRIM', group.log, 'MAXLEN', 0);
    await settled(() => removedOf(events), { trimmed: 7 });
    expect(removedOf(events)).toEqual({ trimmed: 7 });
    expect(deliveries).toHaveLength(10);
  });
});

it('counts delayed messages that another client deletes, of the topic and of the group', async () => {
  const { events, transport, topic, group, publish } = await served(() => ({
    kind: 'retry',
    delayMs: 60_000,
  }));
  await publish(4);
  const later = Array.from({ length: 3 }, () => ({
    id: `l${number++}`,
    headers: {},
    body: Buffer.from('{}'),
  }));
  await transport.publish({ topic: 't' }, later, { deadlineMs: 2_000, delayMs: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await server.command('DEL', topic.delayed);
  await server.command('ZREMRANGEBYRANK', group.delayed, 0, 1);
  await settled(() => removedOf(events), { delayed_deleted: 5 });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(removedOf(events)).toEqual({ delayed_deleted: 5 });
});

describe('a dead consumer', () => {
  /** One that holds five messages and whose lease is over, and another one of the group. */
  async function inherited(
    remove: (found: { topic: TopicKeys; dead: string }) => Promise<unknown>,
    { ordering = 'none', key }: { readonly ordering?: 'none' | 'key'; readonly key?: string } = {},
  ) {
    const dead = await served(hang, {
      url: `redis://127.0.0.1:${proxy.port}`,
      ordering,
      concurrency: 5,
    });
    await dead.publish(5, key);
    await waitUntil('it has what it can', async () => dead.deliveries.length === (key === undefined ? 5 : 1));
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const [name = ''] = (await server.command('ZRANGE', dead.group.consumers, 0, -1)) as string[];
    proxy.inject({ mode: 'blackhole' });
    await remove({ topic: dead.topic, dead: name });
    return served(() => ACK, { keyPrefix: dead.keyPrefix, ordering });
  }

  it('whose entries are deleted leaves them as lost, counted', async () => {
    const heir = await inherited(async ({ topic }) =>
      server.command('XDEL', topic.log, ...(await pendingOf(topic.log))),
    );
    await settled(() => removedOf(heir.events), { pending_deleted: 5 });
    const { transport } = heir;
    expect(await transport.backlog({ topic: 't', group: 'g' })).toMatchObject({ ready: 0, inFlight: 0 });
    expect(heir.deliveries).toEqual([]);
  }, 30_000);

  it('that is removed with what it held leaves that as lost, counted', async () => {
    const heir = await inherited(({ topic, dead }) =>
      server.command('XGROUP', 'DELCONSUMER', topic.log, 'g', dead),
    );
    await settled(() => removedOf(heir.events), { pending_deleted: 5 });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(removedOf(heir.events)).toEqual({ pending_deleted: 5 });
  }, 30_000);

  it('that is removed leaves the entry of its key to others, and the key continues', async () => {
    const heir = await inherited(
      ({ topic, dead }) => server.command('XGROUP', 'DELCONSUMER', topic.log, 'g', dead),
      { ordering: 'key', key: 'k' },
    );
    await waitUntil('all are handled', async () => heir.deliveries.length === 5);
    expect(idsOf(heir.deliveries)).toEqual(heir.deliveries.map(({ message }) => message.id)); // in order
    expect(removedOf(heir.events)).toEqual({});
  }, 30_000);

  it('whose entry is deleted does not keep the key locked', async () => {
    const heir = await inherited(
      async ({ topic }) => server.command('XDEL', topic.log, (await pendingOf(topic.log))[0]!),
      { ordering: 'key', key: 'k' },
    );
    await waitUntil('the others are handled', async () => heir.deliveries.length === 4);
    expect(removedOf(heir.events)).toEqual({ pending_deleted: 1 });
  }, 30_000);
});

describe('order by key continues when another client deletes', () => {
  const REMOVALS: Record<string, (group: ReturnType<TopicKeys['group']>) => Promise<unknown>> = {
    'the locks': ({ locks }) => server.command('DEL', locks),
    'the entries that wait': ({ waiting }) => server.command('DEL', waiting),
    'the consumer of the entries that wait': ({ topicLog }) =>
      server.command('XGROUP', 'DELCONSUMER', topicLog, 'g', '~waiting'),
    'an entry that waits': async ({ topicLog }) =>
      server.command('XDEL', topicLog, (await pendingOf(topicLog))[1]!),
    'the observed state': ({ observed }) => server.command('DEL', observed),
  };

  it.each(Object.entries(REMOVALS))(
    '%s',
    async (what, remove) => {
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      const { deliveries, events, group, publish } = await served(
        async () => {
          await released;
          return ACK;
        },
        { ordering: 'key' },
      );
      const ids = await publish(5, 'k');
      await waitUntil('the first is in flight', async () => deliveries.length === 1);
      await waitUntil('the others wait', async () => (await pendingOf(group.topicLog)).length === 5);
      await remove(group);
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(deliveries).toHaveLength(1);
      release();
      const left = what === 'an entry that waits' ? ids.filter((_, nth) => nth !== 1) : ids;
      await waitUntil('the others follow', async () => deliveries.length === left.length);
      expect(deliveries.map(({ message }) => message.id)).toEqual(left);
      expect(removedOf(events)).toEqual(left.length < ids.length ? { pending_deleted: 1 } : {});
    },
    30_000,
  );
});
