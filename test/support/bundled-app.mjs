import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  DeadLetterService,
  defineMessage,
  MessageHandler,
  MessagingService,
  PermanentError,
  SwitchyardModule,
  systemClock,
} from 'switchyard';
import { kafkaOptionsSchema, KafkaTransport } from 'switchyard/kafka';
import { rabbitmqOptionsSchema, RabbitmqTransport } from 'switchyard/rabbitmq';
import { redisOptionsSchema, RedisTransport } from 'switchyard/redis';
import { z } from 'zod';

const Order = defineMessage('order', z.object({ id: z.string() }));
const handled = [];
class Orders {
  on({ id }) {
    if (id === 'never') throw new PermanentError('This order can never be handled.');
    handled.push(id);
  }
}
Injectable()(Orders);
MessageHandler(Order)(Orders.prototype, 'on', Object.getOwnPropertyDescriptor(Orders.prototype, 'on'));
class App {}
const messaging = SwitchyardModule.forRoot({
  service: 'shop',
  transports: { memory: { kind: 'memory' } },
  deadLetters: { store: 'memory' },
  idempotency: { store: 'memory' },
});
Module({ imports: [messaging], providers: [Orders] })(App);

async function lettersOf(app) {
  for (;;) {
    const { items } = await app.get(DeadLetterService).list({}, { limit: 5 });
    if (items.length > 0 && handled.length > 0)
      return items.map(({ reason, attempts }) => ({ reason, attempts }));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Why a client cannot connect to a port where nothing listens: a client that cannot be loaded has another code. */
async function codeOf(name, Transport, options) {
  const transport = new Transport(options, { name, clock: systemClock, onEvent: () => undefined });
  try {
    await transport.connect();
    return 'connected';
  } catch (error) {
    return error.code;
  } finally {
    await transport.close().catch(() => undefined);
  }
}

async function main() {
  const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
  await app.get(MessagingService).publish(Order, { id: 'o-1' });
  await app.get(MessagingService).publish(Order, { id: 'never' });
  const letters = await lettersOf(app);
  await app.close();
  const codes = [
    await codeOf(
      'redis',
      RedisTransport,
      redisOptionsSchema.parse({ url: 'redis://127.0.0.1:1', connectTimeoutMs: 1_000 }),
    ),
    await codeOf(
      'rabbitmq',
      RabbitmqTransport,
      rabbitmqOptionsSchema.parse({ urls: ['amqp://127.0.0.1:1'] }),
    ),
    await codeOf('kafka', KafkaTransport, kafkaOptionsSchema.parse({ brokers: ['127.0.0.1:1'] })),
  ];
  console.log(JSON.stringify({ handled, letters, codes }));
  process.exit(0);
}

void main();
