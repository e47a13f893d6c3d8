import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import type { Transport, TransportContext } from '../../src/core/messaging/ports/transport.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { type CaseContext, describeTransport } from './transport-suite.js';

const MAX_BYTES = { maxMessageBytes: 2 ** 20 + 1_000 };
/** As in the suite of RabbitMQ: a node forgets queues that are younger when it is killed. */
const REMEMBERS_QUEUES_MS = 5_000;
const prefixes = new Map<Transport, string>();
let redis: RedisServer;
let rabbit: RabbitmqCluster;

beforeAll(async () => {
  [redis, rabbit] = await Promise.all([startRedis(), startRabbitmq()]);
}, 180_000);
afterAll(() => Promise.all([redis.stop(), rabbit.stop()]), 60_000);

async function open(prefix: string, { onEvent, clock = systemClock }: CaseContext): Promise<Transport> {
  const inside = (name: string): TransportContext => ({ name, clock, onEvent: () => undefined });
  const fast = new RedisTransport(
    redisOptionsSchema.parse({ url: redis.url, keyPrefix: `${prefix}:`, ...MAX_BYTES }),
    inside('fast'),
  );
  const work = new RabbitmqTransport(
    rabbitmqOptionsSchema.parse({ urls: rabbit.urls, namePrefix: `${prefix}.`, ...MAX_BYTES }),
    inside('work'),
  );
  const options = failoverOptionsSchema.parse({ probeIntervalMs: 200, maxProbeIntervalMs: 400 });
  const both = new FailoverTransport([fast, work], options, { name: 'both', clock, onEvent });
  prefixes.set(both, prefix);
  await both.connect();
  return both;
}

describeTransport(
  'Failover from Redis to RabbitMQ',
  {
    replies: true,
    tooLargeBytes: 2 * 2 ** 20,
    create: (context) => open(randomUUID().slice(0, 8), context),
    beside: (transport, context) => open(prefixes.get(transport)!, context),
    outage: {
      kill: async () => {
        await wait(REMEMBERS_QUEUES_MS);
        await Promise.all([redis.kill(), ...rabbit.nodes.map((node) => node.kill())]);
      },
      restore: async () => {
        await Promise.all([redis.process.isRunning ? undefined : redis.restart(), rabbit.restore()]);
      },
      isOfAll: true,
    },
  },
  ['answering'],
);
