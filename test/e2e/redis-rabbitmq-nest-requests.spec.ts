import { randomUUID } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { type ClientProxy, ClientRMQ, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { Redis } from 'ioredis';
import { lastValueFrom } from 'rxjs';
import { setTimeout as wait } from 'node:timers/promises';
import type { MessagingEvent, SwitchyardOptions } from 'switchyard';
import { SwitchyardRecordBuilder } from 'switchyard/microservices';
import { ResourceNames } from '../../src/infrastructure/services/rabbitmq/topology/resource-names.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { type BridgeApp, bootBridge, closeBridges } from '../support/bridge-app.js';
import { eventually } from '../support/demonstration.js';

type TransportOptions = NonNullable<SwitchyardOptions['transports']>[string];

const seen: string[] = [];

@Controller()
class Prices {
  @MessagePattern({ cmd: 'sum' }, { group: 'sums', concurrency: 32 })
  sum(@Payload() numbers: readonly number[]): number {
    return numbers.reduce((sum, number) => sum + number, 0);
  }

  @MessagePattern('prices.refused', { group: 'refused' })
  refused(_data: unknown): never {
    throw new RpcException({ status: 'error', code: 'NO_STOCK' });
  }

  /** Goes on whatever its signal says. */
  @MessagePattern('prices.stubborn', { group: 'stubborn' })
  async stubborn(@Payload('id') id: string): Promise<string> {
    seen.push(`${id} begins`);
    await wait(700);
    return id;
  }

  @MessagePattern('prices.late', { group: 'late' })
  late(@Payload('id') id: string): string {
    seen.push(id);
    return id;
  }
}

let redis: RedisServer;
let rabbit: RabbitmqCluster;

beforeAll(async () => {
  [redis, rabbit] = await Promise.all([startRedis(), startRabbitmq()]);
}, 180_000);
beforeEach(() => void seen.splice(0));
afterEach(closeBridges, 60_000);
afterAll(() => Promise.all([redis.stop(), rabbit.stop()]), 60_000);

/** A request as a client of Nest serialises it. */
const PACKET = { pattern: 'prices.late', data: { id: 'foreign' }, id: 'nest-1' };

const brokers = {
  Redis: {
    on: (prefix: string): TransportOptions => ({ kind: 'redis', url: redis.url, keyPrefix: `${prefix}:` }),
    sendForeign: async (prefix: string): Promise<void> => {
      const client = new Redis(redis.url);
      const fields = ['id', 'nest-1', 'headers', '{}', 'body', JSON.stringify(PACKET)];
      await client.xadd(`${prefix}:{prices.late}:log`, '*', ...fields);
      client.disconnect();
    },
  },
  RabbitMQ: {
    on: (prefix: string): TransportOptions => ({
      kind: 'rabbitmq',
      urls: [...rabbit.urls],
      namePrefix: `${prefix}.`,
      queueType: 'classic',
    }),
    sendForeign: async (prefix: string): Promise<void> => {
      const queue = new ResourceNames(`${prefix}.`).queue({ topic: 'prices.late', group: 'late' });
      const client = new ClientRMQ({ urls: [rabbit.urls[0] as string], queue, noAssert: true });
      await client.connect();
      const asked = client.send('prices.late', PACKET.data).subscribe({ error: () => undefined });
      await eventually(() => seen.includes('dropped') || undefined);
      asked.unsubscribe();
      await client.close();
    },
  },
};

const ask = (client: ClientProxy, pattern: unknown, data: unknown, timeoutMs = 20_000): Promise<unknown> =>
  lastValueFrom(client.send(pattern, new SwitchyardRecordBuilder(data).setTimeout(timeoutMs).build()));

const named = <T extends MessagingEvent['type']>(
  { events }: Pick<BridgeApp, 'events'>,
  type: T,
): Extract<MessagingEvent, { type: T }>[] =>
  events.filter((event): event is Extract<MessagingEvent, { type: T }> => event.type === type);

describe.each(Object.entries(brokers))('send to @MessagePattern over %s', (_name, { on, sendForeign }) => {
  let prefix: string;
  const answering = (): Promise<BridgeApp> =>
    bootBridge({ controllers: [Prices] }, { transport: on(prefix) });
  const asking = (): Promise<BridgeApp> => bootBridge({}, { transport: on(prefix) });
  beforeEach(() => (prefix = randomUUID().slice(0, 8)));

  it('gets replies and failures from another application', async () => {
    await answering();
    const { client } = await asking();
    const sums = Array.from({ length: 200 }, (__, n) => ask(client, { cmd: 'sum' }, [n, 1]));
    expect(await Promise.all(sums)).toEqual(sums.map((__, n) => n + 1));
    await expect(ask(client, 'prices.refused', {})).rejects.toEqual({ status: 'error', code: 'NO_STOCK' });
  }, 60_000);

  it('fails at once without a subscriber, and is answered when there is one', async () => {
    const { client } = await asking();
    await expect(ask(client, { cmd: 'sum' }, [1, 2])).rejects.toMatchObject({
      code: 'NO_HANDLER',
      retryable: true,
    });
    await answering();
    await expect(ask(client, { cmd: 'sum' }, [1, 2])).resolves.toBe(3);
  }, 60_000);

  it('ends at its deadline, and a reply whose asker has given up is dropped and counted', async () => {
    const answers = await answering();
    const asks = await asking();
    await ask(asks.client, { cmd: 'sum' }, [1, 2]);
    await expect(ask(asks.client, 'prices.stubborn', { id: 'late' }, 400)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    const given = asks.client.send('prices.stubborn', { id: 'given up' }).subscribe();
    await eventually(() => seen.includes('given up begins') || undefined);
    given.unsubscribe();
    await eventually(() => named(asks, 'reply-dropped').some(({ reason }) => reason === 'late') || undefined);
    expect(named(answers, 'request-dropped').map(({ reason }) => reason)).toEqual(['expired']);
  }, 60_000);

  it('drops and counts what its broker has kept past its deadline, before the handler', async () => {
    await (await answering()).app.close();
    const { client } = await asking();
    const ids = Array.from({ length: 10 }, (__, n) => `expired-${n}`);
    const codes = ids.map((id) =>
      ask(client, 'prices.late', { id }, 1_000).catch((error: unknown) => (error as { code: string }).code),
    );
    expect(new Set(await Promise.all(codes))).toEqual(new Set(['DEADLINE_EXCEEDED']));
    const answers = await answering();
    await expect(ask(client, 'prices.late', { id: 'in time' })).resolves.toBe('in time');
    await eventually(() => named(answers, 'request-dropped').length === ids.length || undefined);
    expect(new Set(named(answers, 'request-dropped').map(({ reason }) => reason))).toEqual(
      new Set(['expired']),
    );
    expect(seen).toEqual(['in time']);
  }, 60_000);

  it('drops and counts a request of a client of Nest, and answers the next of ours', async () => {
    const answers = await answering();
    const { client } = await asking();
    await ask(client, 'prices.late', { id: 'before' });
    const sending = sendForeign(prefix);
    const [dropped] = await eventually(() => {
      const found = named(answers, 'request-dropped');
      return found.length > 0 ? found : undefined;
    });
    seen.push('dropped');
    await sending;
    expect(dropped?.reason).toBe('unaddressed');
    await expect(ask(client, 'prices.late', { id: 'after' })).resolves.toBe('after');
    expect(seen).toEqual(['before', 'dropped', 'after']);
  }, 60_000);
});
