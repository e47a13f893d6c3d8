import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../src/core/messaging/ports/clock.js';
import type { TransportContext } from '../src/core/messaging/ports/transport.js';
import { failoverOptionsSchema } from '../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../src/infrastructure/services/composites/failover/failover.transport.js';
import { spooledOptionsSchema } from '../src/infrastructure/services/composites/spooled/spooled.options.js';
import { SpooledTransport } from '../src/infrastructure/services/composites/spooled/spooled.transport.js';
import { embeddedOptionsSchema } from '../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../src/infrastructure/services/embedded/embedded.transport.js';
import { rabbitmqOptionsSchema } from '../src/infrastructure/services/rabbitmq/rabbitmq.options.js';
import { RabbitmqTransport } from '../src/infrastructure/services/rabbitmq/rabbitmq.transport.js';
import { redisOptionsSchema } from '../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../src/infrastructure/services/redis/redis.transport.js';
import { startRabbitmq } from '../test/support/brokers/rabbitmq-cluster.js';
import { startRedis } from '../test/support/brokers/redis-server.js';
import { waitUntil } from '../test/support/brokers/wait-until.js';
import { type Bench, type BenchOptions, type Figure } from './harness.js';
import { SteadyLoad } from './steady-load.js';

/** Younger queues of RabbitMQ may come back dead from a node that was killed. */
const REMEMBERS_QUEUES_MS = 6_000;
const LOOK_MS = 5_000;

const contextOf = (name: string): TransportContext => ({
  name,
  clock: systemClock,
  onEvent: () => undefined,
});

/** What is felt of brokers that die: the active one, and then all, for as long as the message rate says. All options are the defaults. */
export const outage: Bench = {
  async run(options: BenchOptions): Promise<Figure[]> {
    const directory = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
    const [rabbit, redis] = await Promise.all([startRabbitmq(), startRedis()]);
    const members = [
      new RabbitmqTransport(rabbitmqOptionsSchema.parse({ urls: rabbit.urls }), contextOf('rabbitmq')),
      new RedisTransport(redisOptionsSchema.parse({ url: redis.url }), contextOf('redis')),
    ];
    const transport = new SpooledTransport(
      {
        transport: new FailoverTransport(members, failoverOptionsSchema.parse({}), contextOf('brokers')),
        spool: new EmbeddedTransport(embeddedOptionsSchema.parse({ directory }), contextOf('disk')),
      },
      spooledOptionsSchema.parse({}),
      contextOf('main'),
    );
    try {
      await transport.connect();
      const load = new SteadyLoad(transport);
      await load.start();
      await wait(REMEMBERS_QUEUES_MS);
      return await measured(load, transport, { rabbit, redis, ...options });
    } finally {
      await transport.close();
      await Promise.all([rabbit.stop(), redis.stop()]);
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

interface Brokers extends BenchOptions {
  readonly rabbit: Awaited<ReturnType<typeof startRabbitmq>>;
  readonly redis: Awaited<ReturnType<typeof startRedis>>;
}

async function measured(
  load: SteadyLoad,
  transport: SpooledTransport,
  { rabbit, redis, quick, progress }: Brokers,
): Promise<Figure[]> {
  const outageMs = quick ? 10_000 : 60_000;
  const oneGone = await load.longestGapWhile(async () => {
    await rabbit.nodes[0]?.kill();
    await wait(LOOK_MS);
  });
  progress(`the active broker is gone: ${oneGone.toFixed(0)} ms without an accepted message`);
  const allGone = await load.longestGapWhile(async () => {
    await redis.kill();
    await wait(outageMs);
  });
  const { spool } = transport.state();
  progress(`all are gone: ${allGone.toFixed(0)} ms, ${spool?.messages ?? 0} messages spooled`);
  await redis.restart();
  const backAt = performance.now();
  await waitUntil('the spool is empty', async () => transport.state().spool?.messages === 0, 120_000);
  const emptySeconds = (performance.now() - backAt) / 1_000;
  await rabbit.restore();
  const { accepted, lost, unknown } = await load.end();
  progress(`${accepted} accepted, ${lost} lost, ${unknown} unknown`);
  const figure = (text: string, value: number, unit: string, [floor, goal]: [number, number]): Figure => ({
    figure: text,
    value,
    unit,
    floor,
    goal,
    judged: 'ceiling',
  });
  return [
    figure('active broker killed: longest time without an accepted message', oneGone, 'ms', [2_000, 300]),
    figure('all brokers killed: longest time until messages are spooled', allGone, 'ms', [2_000, 300]),
    figure(`${outageMs / 1_000} s outage at 500/s: spool empty after`, emptySeconds, 's', [30, 10]),
    figure('accepted and lost', lost, 'messages', [0, 0]),
  ];
}
