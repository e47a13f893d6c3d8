import { type RedisSentinelSetup, startRedisSentinel } from '../support/brokers/redis-sentinel.js';
import { describeRedisDeadLetters } from './redis-stores.js';
import { redisConformance } from './redis-suite.js';
import { describeTransport } from './transport-suite.js';

let setup: RedisSentinelSetup;

beforeAll(async () => {
  setup = await startRedisSentinel();
}, 120_000);
afterAll(() => setup.stop());

/** Starts what is dead again. Sentinels turn whoever comes back too late to stay the primary into a replica. */
async function restore(): Promise<void> {
  const dead = setup.nodes.filter((node) => !node.process.isRunning);
  if (dead.length === 0) return;
  await Promise.all(dead.map((node) => node.restart()));
  await setup.ready();
}

describeRedisDeadLetters('Redis behind sentinels', () => ({
  sentinels: setup.sentinels.map(({ host, port }) => `${host}:${port}`),
  sentinelName: setup.name,
}));

describeTransport(
  'Redis behind sentinels',
  redisConformance({
    options: () => ({
      sentinels: setup.sentinels.map(({ host, port }) => `${host}:${port}`),
      sentinelName: setup.name,
    }),
    kill: () => Promise.all(setup.nodes.map((node) => node.kill())),
    restore,
  }),
);
