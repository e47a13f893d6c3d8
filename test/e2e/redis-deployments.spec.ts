import { join } from 'node:path';
import { startRedisCluster } from '../support/brokers/redis-cluster.js';
import { startRedisSentinel } from '../support/brokers/redis-sentinel.js';
import { startDemonstration } from '../support/demonstration.js';
import { walkThroughReadme } from '../support/readme.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

/** Runs the demonstration with these servers for messages, dead letters and handled messages. */
async function walk(name: string, servers: string): Promise<void> {
  const app = await startDemonstration(join(data.path, name, 'data'), {
    SWITCHYARD_TRANSPORTS: `{fast: {kind: redis, ${servers}}}`,
    SWITCHYARD_DEAD_LETTERS__STORE: 'redis',
    SWITCHYARD_IDEMPOTENCY__STORE: 'redis',
  });
  try {
    await walkThroughReadme(app, join(data.path, name), { transport: 'fast' });
    expect(await app.end('SIGTERM')).toBe(0);
  } finally {
    await app.end('SIGKILL');
  }
}

const listed = (addresses: readonly { readonly host: string; readonly port: number }[]): string =>
  JSON.stringify(addresses.map(({ host, port }) => `${host}:${port}`));

it('the walk through the README is the same behind sentinels', async () => {
  const setup = await startRedisSentinel();
  try {
    const servers = `sentinels: ${listed(setup.sentinels)}, sentinelName: ${setup.name}, replicas: 1`;
    await walk('sentinels', servers);
  } finally {
    await setup.stop();
  }
}, 180_000);

it('the walk through the README is the same on a cluster', async () => {
  const setup = await startRedisCluster();
  try {
    await walk('cluster', `cluster: ${listed(setup.addresses)}`);
  } finally {
    await setup.stop();
  }
}, 180_000);
