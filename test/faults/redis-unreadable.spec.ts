import { setTimeout as wait } from 'node:timers/promises';
import type { Delivery, RefusedMessage, Settlement } from '../../src/core/messaging/ports/transport.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { TopicKeys } from '../../src/infrastructure/services/redis/topology/redis-keys.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected } from './redis-bench.js';
import { closeAll, collected, publishOne } from './transport-bench.js';

let server: RedisServer;
beforeAll(async () => (server = await startRedis()), 60_000);
afterAll(() => server.stop());
afterEach(closeAll);

let number = 0;
const prefix = (): string => `unreadable-${number++}:`;
const textOf = ({ message }: Delivery): string => Buffer.from(message.body).toString();

describe('what cannot be read in a key of ours', () => {
  it('becomes unacceptable with its raw bytes, and holds up nothing', async () => {
    const keyPrefix = prefix();
    const { transport } = await connected({ url: server.url, keyPrefix });
    const topic = new TopicKeys(keyPrefix, 't');
    const group = topic.group('g');
    const deliveries = await collected(transport, 't');
    const isReported = ({ unacceptable }: Delivery): boolean =>
      unacceptable?.reason === 'deserialization_failed' && unacceptable.detail.includes('is not a message');
    await server.command('XADD', group.log, '*', 'id', 'a', 'headers', '{broken', 'body', 'raw body');
    await server.command('ZADD', group.delayed, 1, 'not packed');
    await server.command('ZADD', topic.delayed, 1, 'not packed either');
    await publishOne(transport, 't', { id: 'neighbour' });
    await transport.publish({ topic: 't' }, [{ id: 'later', headers: {}, body: Buffer.from('{}') }], {
      deadlineMs: 2_000,
      delayMs: 50,
    });
    await waitUntil('all have come', async () => deliveries.length === 5);
    expect(deliveries.filter(isReported).map(textOf).sort()).toEqual([
      'not packed',
      'not packed either',
      'raw body',
    ]);
    expect(
      deliveries
        .filter((delivery) => !isReported(delivery))
        .map(({ message }) => message.id)
        .sort(),
    ).toEqual(['later', 'neighbour']);
    await waitUntil('they are settled', async () => {
      const { ready, inFlight, delayed } = await transport.backlog({ topic: 't', group: 'g' });
      return ready + inFlight + delayed === 0;
    });
  });

  it('such as a member among the entries that wait does not keep its key locked', async () => {
    const keyPrefix = prefix();
    const { transport } = await connected({ url: server.url, keyPrefix });
    const group = new TopicKeys(keyPrefix, 't').group('g');
    let handled = 0;
    await transport.consume({ topic: 't', group: 'g', concurrency: 5, ordering: 'key' }, async () => {
      handled += 1;
      await wait(100);
      return { kind: 'ack' };
    });
    await server.command('ZADD', group.waiting, 0, '1:k:000000000000000rubbish');
    await server.command('ZADD', group.waiting, 0, 'rubbish');
    const messages = ['1', '2', '3'].map((id) => ({ id, key: 'k', headers: {}, body: Buffer.from('{}') }));
    await transport.publish({ topic: 't' }, messages, { deadlineMs: 2_000 });
    await waitUntil('all are handled', async () => handled === 3);
  });
});

describe('what another program writes to the topic', () => {
  it('may not say its attempt or set control headers, which is counted', async () => {
    const keyPrefix = prefix();
    const { transport, events } = await connected({ url: server.url, keyPrefix });
    const { log } = new TopicKeys(keyPrefix, 't');
    const headers = JSON.stringify({ 'x-swy-attempt': '99', 'x-swy-dead-letter-id': 'other', kept: 'k' });
    await server.command('XADD', log, '*', 'id', 'a', 'headers', headers, 'body', '{}', 'attempt', '99');
    const deliveries = await collected(transport, 't');
    await waitUntil('it has come', async () => deliveries.length === 1);
    expect(deliveries[0]).toMatchObject({ attempt: 1, message: { id: 'a', headers: { kept: 'k' } } });
    expect(events).toContainEqual({ type: 'headers-ignored', topic: 't', group: 'g', count: 1 });
  });

  it('without ids is identified by its place in the stream, also on later attempts', async () => {
    const keyPrefix = prefix();
    const { transport } = await connected({ url: server.url, keyPrefix });
    const { log } = new TopicKeys(keyPrefix, 't');
    const entries: string[] = [];
    for (let nth = 0; nth < 2; nth += 1)
      entries.push(String(await server.command('XADD', log, '*', 'id', '', 'headers', '{}', 'body', 'same')));
    const deliveries = await collected(transport, 't', ({ attempt }) =>
      attempt < 3 ? { kind: 'retry', delayMs: attempt === 1 ? 0 : 20 } : { kind: 'ack' },
    );
    await waitUntil('all attempts are made', async () => deliveries.length === 6);
    const ids = deliveries.map(({ message, attempt }) => `${attempt} ${message.id}`).sort();
    expect(ids).toEqual(
      [1, 2, 3].flatMap((attempt) => entries.map((id) => `${attempt} ${log}/${id}`)).sort(),
    );
  });

  it('with a key of bytes that are no text does not keep the key locked', async () => {
    const keyPrefix = prefix();
    const { transport } = await connected({ url: server.url, keyPrefix });
    const group = new TopicKeys(keyPrefix, 't').group('g');
    const handled: string[] = [];
    await transport.consume(
      { topic: 't', group: 'g', concurrency: 5, ordering: 'key' },
      async ({ message }) => {
        handled.push(message.id);
        return { kind: 'ack' };
      },
    );
    for (let nth = 0; nth < 3; nth += 1)
      await server.command(
        'EVAL',
        `redis.call('XADD', KEYS[1], '*', 'color', 'red', 'key', '\\255')`,
        1,
        group.topicLog,
      );
    await waitUntil('all are handled', async () => handled.length === 3);
    expect(await server.command('HLEN', group.locks)).toBe(0);
  });
});

it('a retry that counts no attempt keeps its number, over a restart and in the hands of another consumer', async () => {
  const keyPrefix = prefix();
  const first = await connected({ url: server.url, keyPrefix });
  const settlements: Settlement[] = [
    { kind: 'retry', delayMs: 0 },
    { kind: 'retry', delayMs: 0, countsAttempt: false },
    { kind: 'retry', delayMs: 20, countsAttempt: false },
    { kind: 'retry', delayMs: 300, countsAttempt: false },
  ];
  const before = await collected(first.transport, 't', () => settlements.shift() ?? { kind: 'ack' });
  await publishOne(first.transport, 't');
  await waitUntil('four attempts are made', async () => before.length === 4);
  expect(before.map(({ attempt }) => attempt)).toEqual([1, 2, 2, 2]);
  await first.transport.close();
  const { transport } = await connected({ url: server.url, keyPrefix });
  const after = await collected(transport, 't');
  await waitUntil('it comes again', async () => after.length === 1);
  expect(after[0]?.attempt).toBe(2);
});

describe('a retry that the server refuses becomes a dead letter and is settled, when the user may not', () => {
  const REFUSALS: Record<
    string,
    { readonly delayMs: number; readonly rules: (keyPrefix: string) => string[] }
  > = {
    'write to streams': { delayMs: 0, rules: () => ['-xadd'] },
    'touch the sorted set of the group': {
      delayMs: 50,
      rules: (keyPrefix) => [
        'resetkeys',
        ...['ping', '{t}:log', '{t}:group:g:[^d]*'].map((key) => `~${keyPrefix}${key}`),
      ],
    },
  };

  it.each(Object.entries(REFUSALS))('%s', async (name, { delayMs, rules }) => {
    const keyPrefix = prefix();
    const user = `refused-${delayMs}`;
    await server.command('ACL', 'SETUSER', user, 'on', '>secret', '~*', '+@all');
    const kept: RefusedMessage[] = [];
    const options = { url: server.url, username: user, password: 'secret', keyPrefix, leaseMs: 60_000 };
    const transport = new RedisTransport(redisOptionsSchema.parse(options), {
      name: 'redis',
      clock: systemClock,
      onEvent: () => undefined,
      keepRefused: async (refused) => {
        kept.push(refused);
        if (kept.length === 1) throw new Error('The store is down.');
      },
    });
    await transport.connect();
    try {
      const { topicLog } = new TopicKeys(keyPrefix, 't').group('g');
      let deliveries = 0;
      await transport.consume({ topic: 't', group: 'g', concurrency: 2, ordering: 'none' }, async () => {
        deliveries += 1;
        return { kind: 'retry', delayMs, headers: { why: name } };
      });
      await server.command('ACL', 'SETUSER', user, ...rules(keyPrefix));
      const other = await connected({ url: server.url, keyPrefix });
      for (let nth = 0; nth < 5; nth += 1) await publishOne(other.transport, 't', { id: `m${nth}` });
      await waitUntil('all are kept', async () => kept.length === 6);
      expect([...new Set(kept.map(({ message }) => message.id))].sort()).toEqual([
        'm0',
        'm1',
        'm2',
        'm3',
        'm4',
      ]);
      expect(kept[0]).toMatchObject({
        to: { topic: 't', group: 'g' },
        attempts: 1,
        transport: 'redis',
        message: { headers: { a: 'b', why: name } },
        error: { code: 'FORBIDDEN' },
      });
      await waitUntil('nothing is pending', async () => {
        const [pending] = (await server.command('XPENDING', topicLog, 'g')) as [number];
        return pending === 0;
      });
      expect(deliveries).toBe(5);
    } finally {
      await transport.close();
    }
  });

  it('also while the transport closes', async () => {
    const keyPrefix = prefix();
    await server.command('ACL', 'SETUSER', 'closing', 'on', '>secret', '~*', '+@all');
    const kept: RefusedMessage[] = [];
    const options = { url: server.url, username: 'closing', password: 'secret', keyPrefix };
    const transport = new RedisTransport(redisOptionsSchema.parse(options), {
      name: 'redis',
      clock: systemClock,
      onEvent: () => undefined,
      keepRefused: async (refused) => void kept.push(refused),
    });
    await transport.connect();
    let fail: (settlement: Settlement) => void = () => undefined;
    let isHandling = false;
    await transport.consume({ topic: 't', group: 'g', concurrency: 1, ordering: 'none' }, () => {
      isHandling = true;
      return new Promise((resolve) => (fail = resolve));
    });
    await publishOne(transport, 't', { id: 'last' });
    await waitUntil('it is in flight', async () => isHandling);
    await server.command('ACL', 'SETUSER', 'closing', '-xadd');
    const closed = transport.close();
    fail({ kind: 'retry', delayMs: 0 });
    await closed;
    expect(kept.map(({ message }) => message.id)).toEqual(['last']);
    const { topicLog } = new TopicKeys(keyPrefix, 't').group('g');
    expect(((await server.command('XPENDING', topicLog, 'g')) as [number])[0]).toBe(0);
  });
});

describe('topology: verify', () => {
  const verifying = (keyPrefix: string, more: object = {}) =>
    connected({ url: server.url, keyPrefix, topology: 'verify', ...more });

  it('creates no stream and no group, and names the commands that do', async () => {
    const keyPrefix = prefix();
    const { transport } = await verifying(keyPrefix);
    const { log } = new TopicKeys(keyPrefix, 't');
    const own = new TopicKeys(keyPrefix, 't').group('g').log;
    await expect(collected(transport, 't')).rejects.toMatchObject({
      code: 'TOPOLOGY_MISSING',
      message: expect.stringContaining(
        `  XGROUP CREATE ${log} g 0 MKSTREAM\n  XGROUP CREATE ${own} g 0 MKSTREAM`,
      ) as string,
    });
    expect(await publishOne(transport, 't')).toMatchObject({
      kind: 'unavailable',
      error: {
        code: 'TOPOLOGY_MISSING',
        message: expect.stringContaining(`XGROUP CREATE ${log} `) as string,
      },
    });
    const later = { deadlineMs: 2_000, delayMs: 60_000 };
    const [outcome] = await transport.publish(
      { topic: 't' },
      [{ id: 'l', headers: {}, body: Buffer.from('{}') }],
      later,
    );
    expect(outcome).toMatchObject({ kind: 'unavailable', error: { code: 'TOPOLOGY_MISSING' } });
    expect(await server.command('KEYS', `${keyPrefix}*t*`)).toEqual([]);
  });

  it('serves what is there', async () => {
    const keyPrefix = prefix();
    const keys = new TopicKeys(keyPrefix, 't');
    for (const stream of [keys.log, keys.group('g').log])
      await server.command('XGROUP', 'CREATE', stream, 'g', '0', 'MKSTREAM');
    const { transport } = await verifying(keyPrefix);
    const deliveries = await collected(transport, 't', ({ attempt }) =>
      attempt === 1 ? { kind: 'retry', delayMs: 20 } : { kind: 'ack' },
    );
    await publishOne(transport, 't');
    await waitUntil('both attempts are made', async () => deliveries.length === 2);
  });

  it('does not create a group again that is destroyed, reports it while it lasts, and continues with it', async () => {
    const keyPrefix = prefix();
    const { log } = new TopicKeys(keyPrefix, 't');
    const own = new TopicKeys(keyPrefix, 't').group('g').log;
    const create = async (): Promise<void> => {
      for (const stream of [log, own])
        await server.command('XGROUP', 'CREATE', stream, 'g', '$', 'MKSTREAM').catch(() => undefined);
    };
    await create();
    const { transport } = await verifying(keyPrefix);
    const deliveries = await collected(transport, 't');
    await server.command('XGROUP', 'DESTROY', log, 'g');
    await waitUntil('it is a problem', async () => transport.problems().length === 1);
    expect(transport.problems()[0]).toMatchObject({ code: 'consumer_interrupted', topic: 't', group: 'g' });
    expect(await server.command('XINFO', 'GROUPS', log)).toEqual([]);
    await create();
    await waitUntil('messages arrive again', async () => {
      await publishOne(transport, 't');
      return deliveries.length > 0;
    });
    await waitUntil('the problem is over', async () => transport.problems().length === 0);
  });

  it('checks the permissions when it connects, and names the rule to add', async () => {
    const keyPrefix = prefix();
    await server.command(
      'ACL',
      'SETUSER',
      'narrow',
      'on',
      '>secret',
      `~${keyPrefix}*`,
      '+@all',
      '-xclaim',
      '-hincrby',
    );
    const login = { username: 'narrow', password: 'secret' };
    await expect(verifying(keyPrefix, login)).rejects.toMatchObject({
      code: 'TOPOLOGY_MISSING',
      message: expect.stringContaining('ACL SETUSER narrow +xclaim +hincrby') as string,
    });
    await server.command('ACL', 'SETUSER', 'narrow', '+xclaim', '+hincrby', 'resetkeys', '~else:*');
    await expect(verifying(keyPrefix, login)).rejects.toMatchObject({
      message: expect.stringContaining(`ACL SETUSER narrow ~${keyPrefix}*`) as string,
    });
    await server.command('ACL', 'SETUSER', 'narrow', `~${keyPrefix}*`);
    await verifying(keyPrefix, login);
  });
});
