import type { MicroserviceOptions } from '@nestjs/microservices';
import { type ClientProxy, ClientsModule, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { Seen } from '../fixtures/microservices/orders-events.controller.js';
import { CONTROLLERS, type EventApp } from './event-suite.js';

/** The same controllers under Nest's own RabbitMQ transport, with its defaults. */
export async function nestRmqEventApp(url: string, queue: string): Promise<EventApp> {
  const options = { urls: [url], queue, queueOptions: { durable: true } };
  const module = await Test.createTestingModule({
    ...CONTROLLERS,
    imports: [ClientsModule.register([{ name: 'ORDERS', transport: Transport.RMQ, options }])],
  }).compile();
  const app = module.createNestApplication({ logger: false });
  app.connectMicroservice<MicroserviceOptions>({ transport: Transport.RMQ, options });
  await app.startAllMicroservices();
  await app.init();
  return { seen: app.get(Seen), client: app.get<ClientProxy>('ORDERS'), close: () => app.close() };
}
