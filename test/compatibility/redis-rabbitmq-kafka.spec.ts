import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  HEADER,
  type MessageContext,
  MessageHandler,
  PermanentError,
  type Transport,
} from '../../src/core/messaging/index.js';
import { DeadLetterService } from '../../src/core/messaging/index.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { systemClock } from '../../src/core/messaging/ports/clock.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { type RabbitmqCluster, startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { type RedisServer, startRedis } from '../support/brokers/redis-server.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps, memoryTransport } from '../support/messaging-app.js';
import { kafkaBench } from '../faults/kafka-bench.js';
import { rabbitmqBench } from '../faults/rabbitmq-bench.js';
import { redisBench } from '../faults/redis-bench.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const orderSchema = z.object({ orderId: z.string(), note: z.string() });
const Placed = defineMessage('orders.placed', orderSchema);
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const EXPIRES_MS = 3_600_000;
const names = ['memory', 'embedded', 'redis', 'rabbitmq', 'kafka'] as const;
type Name = (typeof names)[number];

const data = temporaryDirectory();
const deadLetters = new MemoryDeadLetterStore();
jest.spyOn(deadLetters, 'close').mockResolvedValue(); // applications come and go, and share it
let redis: RedisServer;
let rabbit: RabbitmqCluster;
let kafka: KafkaCluster;
let embedded = 0;

beforeAll(async () => {
  [redis, rabbit, kafka] = await Promise.all([startRedis(), startRabbitmq(), startKafka()]);
}, 180_000);
afterEach(() => closeApps(), 60_000);
afterAll(async () => {
  await Promise.all([redis.stop(), rabbit.stop(), kafka.stop()]);
  data.remove();
}, 60_000);

/** Each new, and without anything of the others of its kind. */
const TRANSPORTS: Readonly<Record<Name, () => Transport>> = {
  memory: () => memoryTransport('memory'),
  embedded: () =>
    new EmbeddedTransport(embeddedOptionsSchema.parse({ directory: join(data.path, String(++embedded)) }), {
      name: 'embedded',
      clock: systemClock,
      onEvent: () => undefined,
    }),
  redis: () => redisBench({ url: redis.url }).transport,
  rabbitmq: () => rabbitmqBench({ urls: rabbit.urls }).transport,
  kafka: () => kafkaBench({ brokers: kafka.brokers }).transport,
};

interface Seen {
  readonly payload: unknown;
  readonly attempt: number;
  readonly id: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An application on this transport alone, whose handler fails at first, and for good where it is told to. */
async function boot(name: Name, isBroken: () => boolean) {
  const seen: Seen[] = [];
  @Injectable()
  class Billing {
    @MessageHandler(Placed, { group: 'billing', attempts: 3, backoff: { type: 'fixed', delayMs: 50 } })
    charge(payload: z.infer<typeof orderSchema>, context: MessageContext): void {
      const { messageId, key, headers, body, attempt } = context;
      const text = Buffer.from(body).toString();
      seen.push({ payload, attempt, id: messageId, key, headers, body: text });
      if (isBroken()) throw new PermanentError('It stays broken.');
      if (attempt === 1 && !payload.orderId.startsWith('broken')) throw new Error('Not yet.');
    }
  }
  const { app, messaging } = await bootApp(
    { providers: [Billing] },
    { transports: [TRANSPORTS[name]()], deadLetters },
  );
  return { messaging, deadLetters: app.get(DeadLetterService), seen };
}

/** Headers, with what tells times replaced by what they are relative to each other. */
function comparable({ headers, ...rest }: Seen): object {
  const {
    ce_time: time = '',
    ce_expirytime: expiry = '',
    [HEADER.history]: history = '',
    ...others
  } = headers;
  expect(Math.abs(Date.now() - Date.parse(time))).toBeLessThan(120_000);
  const attempts = history === '' ? [] : history.replace(/\d{12,}/g, '');
  return { ...rest, headers: others, expiresAfterMs: Date.parse(expiry) - Date.parse(time), attempts };
}

/** Id of the message that died on one and is replayed on the other. */
const letterOf = (from: Name, on: Name): string => `broken-on-${from}-for-${on}`;

const observed = new Map<Name, readonly object[]>();

it.each(names)(
  'a handler on %s sees what it would see on any other',
  async (name) => {
    const { messaging, seen } = await boot(name, () => false);
    const options = {
      messageId: 'message-1',
      key: 'Kunde-ß',
      headers: { 'x-tenant': 'Zürich ☕ 東京', empty: '', traceparent: TRACE },
      correlationId: 'conversation-1',
      expiresInMs: EXPIRES_MS,
    };
    await messaging.publish(Placed, { orderId: 'o-1', note: 'naïve 🚲' }, options);
    await eventually(() => seen.length === 2 || undefined);
    observed.set(name, seen.map(comparable));
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(seen[0]).toMatchObject({
      payload: { orderId: 'o-1', note: 'naïve 🚲' },
      id: 'message-1',
      key: 'Kunde-ß',
      headers: { ...options.headers, ce_correlationid: 'conversation-1' },
    });
    expect(observed.get(name)).toEqual(observed.get('memory'));
  },
  60_000,
);

it.each(names)(
  'two may connect %s at the same time, as its owner and a failover do',
  async (name) => {
    const transport = TRANSPORTS[name]();
    await Promise.all([transport.connect(), transport.connect()]);
    await transport.connect();
    const message = { id: 'm', headers: {}, body: Buffer.from('{}') };
    const [outcome] = await transport.publish({ topic: 'twice' }, [message], { deadlineMs: 20_000 });
    expect(outcome?.kind).toBe('accepted');
    await transport.close();
  },
  60_000,
);

it.each(names)(
  'a dead letter is made on %s, which may then be taken away',
  async (name) => {
    const { messaging, deadLetters, seen } = await boot(name, () => true);
    for (const id of names.map((other) => letterOf(name, other)))
      await messaging.publish(
        Placed,
        { orderId: id, note: '東京' },
        { messageId: id, key: 'k', headers: { a: 'ß' } },
      );
    await eventually(async () => {
      const { items } = await deadLetters.list({ transport: name, status: 'failed' }, { limit: 10 });
      return items.length === names.length || undefined;
    });
    expect(seen).toHaveLength(names.length);
  },
  60_000,
);

it.each(names)(
  'dead letters of every other transport are replayed on %s',
  async (name) => {
    const { deadLetters, seen } = await boot(name, () => false);
    for (const other of names.filter((one) => one !== name)) {
      const id = letterOf(other, name);
      const { items } = await deadLetters.list({ messageId: id }, { limit: 1 });
      await deadLetters.replay(items[0]?.id ?? '', { actor: 'test' });
      await eventually(() => seen.some((one) => one.id === id) || undefined);
      expect(seen.find((one) => one.id === id)).toMatchObject({
        payload: { orderId: id, note: '東京' },
        key: 'k',
        headers: { a: 'ß' },
        attempt: 1,
      });
    }
    expect(seen).toHaveLength(names.length - 1);
  },
  60_000,
);
