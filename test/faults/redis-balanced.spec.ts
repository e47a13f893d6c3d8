import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { balancedOptionsSchema } from '../../src/infrastructure/services/composites/balanced/balanced.options.js';
import { BalancedTransport } from '../../src/infrastructure/services/composites/balanced/balanced.transport.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type FaultProxy, startFaultProxy } from '../support/brokers/fault-proxy.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { report } from './measured.js';

const SLOW_MS = 200;
const LANES = 8;
let servers: readonly RedisServer[];
/** One a server, so that without a fault both are the same. */
let proxies: readonly FaultProxy[];
const opened: BalancedTransport[] = [];

beforeAll(async () => {
  servers = await Promise.all([startRedis(), startRedis()]);
  proxies = await Promise.all(servers.map(({ port }) => startFaultProxy({ targetPort: port })));
}, 60_000);
afterEach(() => Promise.all(opened.splice(0).map((transport) => transport.close())));
afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await Promise.all(servers.map((server) => server.stop()));
});

function member(name: string, port: number): RedisTransport {
  const settings = redisOptionsSchema.parse({ url: `redis://127.0.0.1:${port}` });
  return new RedisTransport(settings, { name, clock: systemClock, onEvent: () => undefined });
}

it('gives a broker on a slow line less by latency, loses nothing, and gives it its share again', async () => {
  const members = [member('near', proxies[0]!.port), member('far', proxies[1]!.port)];
  const transport = new BalancedTransport(members, balancedOptionsSchema.parse({ strategy: 'latency' }), {
    name: 'main',
    clock: systemClock,
    onEvent: () => undefined,
  });
  opened.push(transport);
  await transport.connect();
  const handled = new Set<string>();
  await transport.consume({ topic: 't', group: 'g', concurrency: 50, ordering: 'none' }, ({ message }) => {
    handled.add(message.id);
    return Promise.resolve({ kind: 'ack' });
  });
  const accepted = new Set<string>();
  let count = 0;
  /** How many of those that were published meanwhile went to the slow one. */
  const shareOfFar = async (forMs: number): Promise<number> => {
    const by = { near: 0, far: 0 };
    const until = performance.now() + forMs;
    const lane = async (): Promise<void> => {
      while (performance.now() < until) {
        const message = { id: `${++count}`, headers: {}, body: Buffer.from('x') };
        const [outcome] = await transport.publish({ topic: 't' }, [message], { deadlineMs: 5_000 });
        expect(outcome?.kind).toBe('accepted');
        accepted.add(message.id);
        by[outcome?.trail?.transport as 'near' | 'far'] += 1;
        await wait(1);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return by.far / (by.near + by.far);
  };
  await shareOfFar(500); // until both have been measured
  const before = await shareOfFar(1_500);
  proxies[1]!.inject({ latencyMs: SLOW_MS });
  await shareOfFar(500);
  const slow = await shareOfFar(3_000);
  proxies[1]!.heal();
  let after = 0;
  await waitUntil('it has its share again', async () => (after = await shareOfFar(1_000)) > 0.25);
  report(
    `balanced by latency, ${SLOW_MS} ms added to one of two Redis`,
    `its share ${before.toFixed(2)}, then ${slow.toFixed(3)}, then ${after.toFixed(2)}; ${accepted.size} accepted`,
  );
  expect(before).toBeGreaterThan(0.25);
  expect(slow).toBeLessThan(0.1);
  await waitUntil('everything is handled', async () => [...accepted].every((id) => handled.has(id)));
}, 120_000);
