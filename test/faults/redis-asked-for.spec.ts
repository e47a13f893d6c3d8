import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { connected, redisBench } from './redis-bench.js';
import { closeAll, collected, publishOne } from './transport-bench.js';

const DATABASES = ['--databases', '64'];
const servers: RedisServer[] = [];

afterEach(async () => {
  await closeAll();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function start(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis({ args });
  servers.push(server);
  return server;
}

const keysIn = (server: RedisServer): Promise<unknown> => server.command('INFO', 'keyspace');

it.each([
  ['in the URL', (url: string) => ({ url: `${url}/99` })],
  ['beside the URL', (url: string) => ({ url, database: 99 })],
])(
  'a database that the server does not have is refused, and none other is written to (%s)',
  async (_, given) => {
    const server = await start();
    const { transport } = redisBench({ ...given(server.url), connectTimeoutMs: 2_000 });
    await expect(transport.connect()).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: expect.stringMatching(
        /cannot be used: database 99 is configured, which it does not have \(ERR\)/,
      ),
    });
    expect((await publishOne(transport, 't')).kind).toBe('unavailable');
    expect(await keysIn(server)).not.toContain('db');
  },
);

it('a database that the user may not select is refused', async () => {
  const server = await start();
  await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '+@all', '-select');
  const { transport } = redisBench({ url: `redis://app:pw@127.0.0.1:${server.port}/3` });
  await expect(transport.connect()).rejects.toThrow('which the user may not select (NOPERM)');
});

it('a database that the server has is used by publishers and consumers', async () => {
  const server = await start();
  const { transport } = await connected({ url: `${server.url}/9` });
  const deliveries = await collected(transport, 't');
  expect((await publishOne(transport, 't')).kind).toBe('accepted');
  await waitUntil('it arrives', async () => deliveries.length === 1);
  expect(String(await keysIn(server)).match(/^db\d+/gm)).toEqual(['db9']);
});

it('a server with fewer databases at the same address is not used, until the right one is back', async () => {
  const first = await start(DATABASES);
  const { transport } = await connected({ url: `${first.url}/50` });
  await first.stop();
  const other = await startRedis({ port: first.port });
  await waitUntil('it is found out', async () => {
    const outcome = await publishOne(transport, 't');
    return outcome.kind === 'unavailable' && outcome.error.message.includes('does not have');
  });
  expect(await keysIn(other)).not.toContain('db');
  await other.stop();
  servers.push(await startRedis({ port: first.port, args: DATABASES }));
  await waitUntil('it is used again', async () => (await publishOne(transport, 't')).kind === 'accepted');
});

it('the user that is configured is the one that is logged in, also when it may not ask', async () => {
  const server = await start();
  for (const [user, more] of [
    ['app', []],
    ['strict', ['-acl']],
  ] as const) {
    await server.command('ACL', 'SETUSER', user, 'on', '>p@ss/w:rd%', '~*', '+@all', ...more);
    const { transport } = await connected({
      url: `redis://${user}:${encodeURIComponent('p@ss/w:rd%')}@127.0.0.1:${server.port}`,
    });
    expect((await publishOne(transport, 't')).kind).toBe('accepted');
  }
  expect(await server.command('CLIENT', 'LIST')).toMatch(/user=app.*user=strict/s);
});
