import { TopicKeys } from '../../src/infrastructure/services/redis/topology/redis-keys.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected, redisBench } from './redis-bench.js';
import { closeAll, codeOf, collected, publishOne } from './transport-bench.js';

const CANARY = 'canary-0815';
const PREFIX = 'bad:';
let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());
afterEach(closeAll);

const options = (more: object = {}): object => ({ url: server.url, keyPrefix: PREFIX, ...more });

/** Commands of these names that the server has carried out or refused so far. */
async function calls(...names: string[]): Promise<number> {
  const stats = String(await server.command('INFO', 'commandstats'));
  return names.reduce((sum, name) => {
    const line = new RegExp(`cmdstat_${name}:calls=(\\d+).*?rejected_calls=(\\d+),failed_calls=(\\d+)`).exec(
      stats,
    );
    return sum + Number(line?.[1] ?? 0) + Number(line?.[2] ?? 0);
  }, 0);
}

describe('credentials', () => {
  it.each([
    ['in the URL', (port: number) => ({ url: `redis://app:${CANARY}@127.0.0.1:${port}` })],
    [
      'as options',
      (port: number) => ({ url: `redis://127.0.0.1:${port}`, username: 'app', password: CANARY }),
    ],
  ])('that are wrong fail at once and are not repeated (%s)', async (_, wrong) => {
    const { transport, events } = redisBench({ ...wrong(server.port), keyPrefix: PREFIX });
    const startedAt = performance.now();
    const error: unknown = await transport.connect().catch((reason: unknown) => reason);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(error).toMatchObject({ code: 'TRANSPORT_UNAVAILABLE' });
    expect(String(error)).toContain('WRONGPASS');
    expect(JSON.stringify([events, error, String((error as Error).stack)])).not.toContain(CANARY);
    expect(JSON.stringify((error as Error).cause ?? null)).not.toContain(CANARY);
  });

  it('that become wrong while it runs make it unavailable, and right again make it work again', async () => {
    await server.command('ACL', 'SETUSER', 'app', 'on', `>${CANARY}`, '~*', '+@all');
    const { transport, events } = await connected(options({ username: 'app', password: CANARY }));
    await server.command('ACL', 'SETUSER', 'app', 'resetpass', '>other');
    await server.command('CLIENT', 'KILL', 'USER', 'app');
    await waitUntil(
      'it is unavailable',
      async () => (await publishOne(transport, 't')).kind === 'unavailable',
    );
    await server.command('ACL', 'SETUSER', 'app', 'resetpass', `>${CANARY}`);
    await waitUntil('it accepts again', async () => (await publishOne(transport, 't')).kind === 'accepted');
    expect(JSON.stringify(events)).not.toContain(CANARY);
  });

  it('without permission for a command are refused with its name', async () => {
    await server.command('ACL', 'SETUSER', 'weak', 'on', '>weak', '~*', '+@all', '-evalsha', '-eval');
    const { transport } = await connected(options({ username: 'weak', password: 'weak' }));
    const outcome = await publishOne(transport, 't');
    expect([outcome.kind, codeOf(outcome)]).toEqual(['refused', 'FORBIDDEN']);
    expect(outcome.kind === 'accepted' ? '' : outcome.error.message).toContain('evalsha');
    await expect(collected(transport, 't')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('a server', () => {
  it('that cannot be reached is named with its address', async () => {
    const { transport } = redisBench({
      url: 'redis://127.0.0.1:1',
      keyPrefix: PREFIX,
      connectTimeoutMs: 500,
    });
    await expect(transport.connect()).rejects.toThrow('127.0.0.1:1 cannot be reached (ECONNREFUSED)');
    const outcome = await publishOne(transport, 't');
    expect(outcome.kind).toBe('unavailable');
  });

  it('that evicts, and one that keeps no file, are warned about when it connects', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '1gb');
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    await server.command('CONFIG', 'SET', 'appendonly', 'no');
    const { errors } = await connected(options());
    expect(errors()).toEqual([
      expect.stringContaining('maxmemory-policy allkeys-lru'),
      expect.stringContaining('appendonly'),
    ]);
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await server.command('CONFIG', 'SET', 'appendonly', 'yes');
    expect((await connected(options())).errors()).toEqual([]);
  });

  it('whose memory is full accepts nothing, reports it, and accepts again when there is room', async () => {
    const { transport } = await connected(options());
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    const outcome = await publishOne(transport, 'full');
    expect([outcome.kind, codeOf(outcome)]).toEqual(['unavailable', 'TRANSPORT_FULL']);
    await expect(transport.ping()).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    expect((await publishOne(transport, 'full')).kind).toBe('accepted');
  });

  it('that wants more replicas than there are takes nothing and says why', async () => {
    const { transport } = await connected(options());
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    const outcome = await publishOne(transport, 'few');
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
    expect(outcome.kind).toBe('unavailable');
    expect(outcome.kind === 'accepted' ? '' : outcome.error.message).toContain('NOREPLICAS');
  });

  it('that has become a replica takes nothing until it is a primary again', async () => {
    const { transport } = await connected(options());
    await server.command('REPLICAOF', '127.0.0.1', '1');
    await waitUntil(
      'it is unavailable',
      async () => (await publishOne(transport, 'ro')).kind === 'unavailable',
    );
    await server.command('REPLICAOF', 'NO', 'ONE');
    await waitUntil('it accepts again', async () => (await publishOne(transport, 'ro')).kind === 'accepted');
  });
});

describe('data', () => {
  it('of another type where a stream should be is reported, and asked for a few times a second at most', async () => {
    const { log } = new TopicKeys(PREFIX, 'strange');
    await server.command('SET', log, 'somebody else’s');
    const { transport } = await connected(options());
    const outcome = await publishOne(transport, 'strange');
    expect([outcome.kind, codeOf(outcome)]).toEqual(['unavailable', 'TRANSPORT_UNAVAILABLE']);
    expect(outcome.kind === 'accepted' ? '' : outcome.error.message).toContain('keyPrefix');
    await expect(collected(transport, 'strange')).rejects.toThrow('WRONGTYPE');
    await server.command('DEL', log);
    const deliveries = await collected(transport, 'strange');
    await server.command('SET', log, 'again');
    await new Promise((resolve) => setTimeout(resolve, 500)); // the waiting read notices
    const before = await calls('xreadgroup', 'evalsha');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect((await calls('xreadgroup', 'evalsha')) - before).toBeLessThan(60);
    await server.command('DEL', log);
    await waitUntil('it goes on', async () => {
      await publishOne(transport, 'strange');
      return deliveries.length > 0;
    });
  });

  it('that is flushed away is recreated, reported, and consuming resumes', async () => {
    const { transport, events } = await connected(options());
    const deliveries = await collected(transport, 'flushed');
    await server.command('FLUSHALL');
    await waitUntil('messages arrive again', async () => {
      await publishOne(transport, 'flushed');
      return deliveries.length > 0;
    });
    await waitUntil('it is reported', async () =>
      events.some((event) => event.type === 'problem' && event.problem.code === 'group_deleted'),
    );
  });

  it('of a group that another client destroys is created again', async () => {
    const { transport } = await connected(options());
    const deliveries = await collected(transport, 'destroyed');
    await server.command('XGROUP', 'DESTROY', new TopicKeys(PREFIX, 'destroyed').log, 'g');
    await waitUntil('messages arrive again', async () => {
      await publishOne(transport, 'destroyed');
      return deliveries.length > 0;
    });
  });

  it('that another client has written arrives with all of its fields, and can be retried', async () => {
    const { transport } = await connected(options());
    const { log } = new TopicKeys(PREFIX, 'foreign');
    const entry = String(await server.command('XADD', log, '*', 'color', 'red', 'id', 'x'));
    const deliveries = await collected(transport, 'foreign', ({ attempt }) =>
      attempt === 1 ? { kind: 'retry', delayMs: 10, headers: { why: 'again' } } : { kind: 'ack' },
    );
    await waitUntil('it arrives twice', async () => deliveries.length === 2);
    for (const { message } of deliveries) {
      expect(message.id).toBe(`${log}/${entry}`);
      expect(JSON.parse(Buffer.from(message.body).toString())).toEqual({ color: 'red', id: 'x' });
    }
    expect(deliveries[1]?.message.headers).toEqual({ why: 'again' });
  });
});
