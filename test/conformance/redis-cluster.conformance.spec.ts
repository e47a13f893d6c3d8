import { type RedisClusterSetup, startRedisCluster } from '../support/brokers/redis-cluster.js';
import { describeRedisDeadLetters } from './redis-stores.js';
import { redisConformance } from './redis-suite.js';
import { describeTransport } from './transport-suite.js';

let setup: RedisClusterSetup;

beforeAll(async () => {
  setup = await startRedisCluster();
}, 120_000);
afterAll(() => setup.stop());

describeRedisDeadLetters('Redis cluster', () => ({
  cluster: setup.addresses.map(({ host, port }) => `${host}:${port}`),
}));

describeTransport(
  'Redis cluster',
  redisConformance({
    options: () => ({ cluster: setup.addresses.map(({ host, port }) => `${host}:${port}`) }),
    kill: () => Promise.all(setup.nodes.map((node) => node.kill())),
    restore: async () => {
      const dead = setup.nodes.filter((node) => !node.process.isRunning);
      if (dead.length === 0) return;
      await Promise.all(dead.map((node) => node.restart()));
      await setup.ready();
    },
  }),
);
