import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import {
  defineRequest,
  type MessagingService,
  RequestError,
  RequestHandler,
  systemClock,
  type Transport,
  type TransportContext,
} from '../../src/core/messaging/index.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { rabbitmqOptionsSchema } from '../../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { bootApp, closeApps } from '../support/messaging-app.js';

const Double = defineRequest(
  'double',
  z.object({ n: z.number(), takesMs: z.number().default(0) }),
  z.object({ n: z.number() }),
);

@Injectable()
class DoubleHandler {
  @RequestHandler(Double, { group: 'double', concurrency: 64 })
  async double({ n, takesMs }: { n: number; takesMs: number }): Promise<{ n: number }> {
    if (takesMs > 0) await wait(takesMs);
    return { n: n * 2 };
  }
}

let redis: RedisServer;
let rabbit: RabbitmqCluster;

beforeAll(async () => {
  [redis, rabbit] = await Promise.all([startRedis(), startRabbitmq()]);
}, 180_000);
afterEach(closeApps, 60_000);
afterAll(() => Promise.all([redis.stop(), rabbit.stop()]), 60_000);

const inside = (name: string): TransportContext => ({ name, clock: systemClock, onEvent: () => undefined });
const onRedis = (prefix: string): Transport =>
  new RedisTransport(redisOptionsSchema.parse({ url: redis.url, keyPrefix: `${prefix}:` }), inside('fast'));
const onRabbit = (prefix: string): Transport =>
  new RabbitmqTransport(
    rabbitmqOptionsSchema.parse({ urls: rabbit.urls, namePrefix: `${prefix}.`, queueType: 'classic' }),
    inside('work'),
  );
const over = (prefix: string): Transport =>
  new FailoverTransport(
    [onRedis(prefix), onRabbit(prefix)],
    failoverOptionsSchema.parse({ probeIntervalMs: 200, maxProbeIntervalMs: 400 }),
    inside('both'),
  );

const brokers = {
  Redis: {
    create: onRedis,
    settlesMs: 0,
    kill: () => redis.kill(),
    restore: () => redis.restart(),
  },
  RabbitMQ: {
    create: onRabbit,
    // A quorum queue that is younger when its node is killed comes back dead, with any client.
    settlesMs: 5_000,
    kill: () => Promise.all(rabbit.nodes.map((node) => node.kill())),
    restore: () => rabbit.restore(),
  },
};

/** An application that asks and another that answers, each with connections of its own. */
async function boot(create: (prefix: string) => Transport): Promise<MessagingService> {
  const prefix = randomUUID().slice(0, 8);
  await bootApp({ providers: [DoubleHandler] }, { transports: [create(prefix)] });
  const { messaging } = await bootApp({}, { transports: [create(prefix)] });
  return messaging;
}

const codeOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'answered',
    (error: unknown) => (error instanceof RequestError ? error.code : String(error)),
  );

describe.each(Object.entries(brokers))('over %s', (_, { create, kill, restore, settlesMs }) => {
  it('answers requests of another process, many at a time', async () => {
    const messaging = await boot(create);
    const asked = Array.from({ length: 500 }, (__, n) =>
      messaging.request(Double, { n }, { timeoutMs: 30_000 }),
    );
    expect((await Promise.all(asked)).map(({ n }) => n)).toEqual(asked.map((__, n) => n * 2));
  }, 60_000);

  it('answers or rejects by the deadline what is in flight when the broker is killed, and answers again', async () => {
    const messaging = await boot(create);
    await messaging.request(Double, { n: 1 }, { timeoutMs: 30_000 });
    await wait(settlesMs);
    const timeoutMs = 4_000;
    const began = performance.now();
    const inFlight = Array.from({ length: 50 }, (__, n) =>
      codeOf(messaging.request(Double, { n, takesMs: 1_000 }, { timeoutMs })),
    );
    await wait(300);
    await kill();
    const meanwhile = codeOf(messaging.request(Double, { n: 1 }, { timeoutMs: 1_000 }));
    const codes = new Set(await Promise.all(inFlight));
    expect(performance.now() - began).toBeLessThan(timeoutMs + 1_500);
    for (const code of codes) expect(['answered', 'DEADLINE_EXCEEDED']).toContain(code);
    expect(await meanwhile).toMatch(/^(PUBLISH_UNAVAILABLE|DEADLINE_EXCEEDED|TRANSPORT_UNAVAILABLE)$/);
    await restore();
    await waitUntil(
      'a request is answered again',
      async () => (await codeOf(messaging.request(Double, { n: 1 }, { timeoutMs: 1_000 }))) === 'answered',
      60_000,
    );
  }, 120_000);
});

it('asks through a failover whose first broker is gone, and gets the reply over the second', async () => {
  const messaging = await boot(over);
  await expect(messaging.request(Double, { n: 1 }, { timeoutMs: 10_000 })).resolves.toEqual({ n: 2 });
  await redis.kill();
  try {
    for (let n = 0; n < 20; n += 1)
      await expect(messaging.request(Double, { n }, { timeoutMs: 10_000 })).resolves.toEqual({ n: n * 2 });
  } finally {
    await redis.restart();
  }
}, 120_000);
