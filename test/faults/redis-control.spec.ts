import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { systemClock, type Transport } from '../../src/core/messaging/index.js';
import { RedisControlStore } from '../../src/infrastructure/services/redis/redis-control.store.js';
import { redisOptionsSchema } from '../../src/infrastructure/services/redis/redis.options.js';
import { RedisTransport } from '../../src/infrastructure/services/redis/redis.transport.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { waitUntil } from '../support/brokers/wait-until.js';
import { closeApps } from '../support/messaging-app.js';
import {
  bootControlled,
  BY,
  type ControlledApp,
  describeControl,
  Ledger,
  PLACE,
  publishOrdered,
} from './control-faults.js';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
}, 60_000);
afterAll(() => server.stop());

const optionsOf = (keyPrefix: string) =>
  redisOptionsSchema.parse({ url: server.url, keyPrefix: `${keyPrefix}:`, commandTimeoutMs: 1_000 });

const open = async (keyPrefix: string): Promise<Transport> =>
  new RedisTransport(optionsOf(keyPrefix), { name: 'main', clock: systemClock, onEvent: () => undefined });

describeControl('Redis', open);

describe('several processes with one control store', () => {
  afterEach(closeApps);

  const boot = async (ledger: Ledger, prefix: string, name: string): Promise<ControlledApp> =>
    bootControlled({
      ledger,
      name,
      transport: await open(prefix),
      store: new RedisControlStore(optionsOf(prefix)),
    });

  it('a pause applies to all, also to one that starts later, and ends by itself', async () => {
    const [ledger, prefix] = [new Ledger(), randomUUID()];
    const [a, b] = [await boot(ledger, prefix, 'a'), await boot(ledger, prefix, 'b')];
    const { scope } = await a.control.change(PLACE, { ...BY, paused: true, forMs: 6_000 });
    expect(scope).toBe('shared');
    await waitUntil('the other is paused', async () => b.subscription().state === 'paused', 3_000);
    const c = await boot(ledger, prefix, 'c');
    expect(c.subscription()).toMatchObject({ state: 'paused', pause: { by: 'ann' } });
    await publishOrdered(a, 0, 20);
    await sleep(1_000);
    expect(ledger.handled).toEqual([]);
    await waitUntil('all are handled', async () => ledger.handled.length === 20, 20_000);
    for (const { subscription } of [a, b, c]) {
      await waitUntil('all run', async () => subscription().state === 'running', 5_000);
      expect(subscription().pause).toBeUndefined();
    }
    expect(ledger.attemptsUsed).toEqual([]);
  }, 60_000);

  it('of two operators who have read the same state one gets an error that it has changed', async () => {
    const [ledger, prefix] = [new Ledger(), randomUUID()];
    const [a, b] = [await boot(ledger, prefix, 'a'), await boot(ledger, prefix, 'b')];
    const { tag } = await a.control.find(PLACE);
    const orders = [a, b].map(({ control }, nth) =>
      control.change(PLACE, { ...BY, concurrency: 2 + nth, ifTag: tag }).then(
        () => 'done',
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    expect((await Promise.all(orders)).sort()).toEqual(['REVISION_CHANGED', 'done']);
  }, 60_000);

  it('a rate holds over all of them together', async () => {
    const [ledger, prefix] = [new Ledger(), randomUUID()];
    const [a, b] = [await boot(ledger, prefix, 'a'), await boot(ledger, prefix, 'b')];
    await a.control.change(PLACE, { ...BY, ratePerSecond: 20 });
    await waitUntil('the other knows it', async () => b.subscription().ratePerSecond === 20, 3_000);
    await publishOrdered(a, 0, 200);
    const since = performance.now();
    const from = ledger.handled.length;
    await sleep(4_000);
    const seconds = (performance.now() - since) / 1_000;
    const handled = ledger.handled.length - from;
    expect(handled).toBeLessThanOrEqual(20 * (seconds + 2));
    expect(handled).toBeGreaterThan(20 * (seconds - 2));
    await b.control.change(PLACE, { ...BY, ratePerSecond: null });
    await waitUntil('all are handled', async () => ledger.handled.length === 200, 10_000);
    expect(new Set(ledger.handled.map(({ by }) => by))).toEqual(new Set(['a', 'b']));
    expect(ledger.outOfOrder).toEqual([]);
  }, 60_000);

  it('a store that goes away leaves a pause as it was, and an order is an error with a code', async () => {
    const [ledger, prefix] = [new Ledger(), randomUUID()];
    const app = await boot(ledger, prefix, 'a');
    await app.control.change(PLACE, { ...BY, paused: true });
    server.pause();
    await expect(app.control.change(PLACE, { ...BY, paused: false })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(app.subscription().state).toBe('paused');
    expect(app.control.list()[0]).toMatchObject({ isCurrent: false, scope: 'shared' });
    server.resume();
    await waitUntil('it answers', async () => (await app.control.find(PLACE)).isCurrent, 20_000);
    await app.control.change(PLACE, { ...BY, paused: false });
    await publishOrdered(app, 0, 5);
    await waitUntil('all are handled', async () => ledger.handled.length === 5, 20_000);
  }, 60_000);
});
