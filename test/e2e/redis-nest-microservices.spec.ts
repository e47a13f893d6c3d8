import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { bootBridge, closeBridges, hybridEventApp } from '../support/bridge-app.js';
import { eventually } from '../support/demonstration.js';
import { describeEvents } from '../support/event-suite.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
let redis: RedisServer;
beforeAll(async () => (redis = await startRedis()), 60_000);
afterAll(async () => {
  await redis.stop();
  data.remove();
});

describeEvents('on Redis', () => hybridEventApp({ kind: 'redis', url: redis.url }));

describe('emit while Redis is down', () => {
  const handled: string[] = [];
  @Controller()
  class Billing {
    @EventPattern('orders.placed')
    charge(@Payload('id') id: string): void {
      handled.push(id);
    }
  }
  afterEach(closeBridges);

  it('arrives after it with a spool, whether or not its result is subscribed to', async () => {
    const transports = {
      fast: { kind: 'redis', url: redis.url, keyPrefix: 'outage:' },
      disk: { kind: 'embedded', directory: data.path },
      main: { kind: 'spooled', transport: 'fast', spool: 'disk', probeIntervalMs: 200 },
    } as const;
    const { client } = await bootBridge(
      { controllers: [Billing] },
      { options: { transports, routes: [{ match: '**', transport: 'main' }] } },
    );
    await lastValueFrom(client.emit('orders.placed', { id: 'before' }));
    await redis.kill();
    client.emit('orders.placed', { id: 'not watched' });
    const receipt = await lastValueFrom(client.emit('orders.placed', { id: 'watched' }));
    expect(receipt).toMatchObject({ status: 'spooled', transport: 'disk' });
    await redis.restart();
    await eventually(() => ['not watched', 'watched'].every((id) => handled.includes(id)) || undefined);
  }, 60_000);

  it('is reported without one, and the handlers continue afterwards', async () => {
    const { client, events } = await bootBridge(
      { controllers: [Billing] },
      {
        transport: { kind: 'redis', url: redis.url, keyPrefix: 'reported:' },
        options: { publishDeadlineMs: 1_000 },
      },
    );
    await redis.kill();
    client.emit('orders.placed', { id: 'lost' });
    const failed = await eventually(() => events.find(({ type }) => type === 'publish-failed'));
    expect(failed).toMatchObject({ topic: 'orders.placed', error: { name: 'PublishError' } });
    expect(events).toContainEqual(expect.objectContaining({ type: 'published', outcome: 'unavailable' }));
    await redis.restart();
    await eventually(async () =>
      lastValueFrom(client.emit('orders.placed', { id: 'again' })).then(
        () => true as const,
        () => undefined,
      ),
    );
    await eventually(() => handled.includes('again') || undefined);
  }, 60_000);
});
