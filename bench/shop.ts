import 'reflect-metadata';
import { type INestApplicationContext, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import {
  defineMessage,
  MessageHandler,
  MessagingModule,
  MessagingService,
  type PayloadOf,
  type Transport,
} from '../src/core/messaging/index.js';
import { MemoryDeadLetterStore } from '../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { MetricsModule } from '../src/infrastructure/services/metrics/metrics.module.js';

export const OrderPlaced = defineMessage(
  'bench.orders.placed',
  z.object({ orderId: z.string(), total: z.number(), note: z.string() }),
);
export type Order = PayloadOf<typeof OrderPlaced>;

/** What the handler does; each measurement sets its own. */
export interface Handling {
  handle: (order: Order) => Promise<void> | void;
}

export interface Shop {
  readonly messaging: MessagingService;
  readonly close: () => Promise<void>;
}

/** JSON of an order without its note. */
const BARE_BYTES = 54;
const NOTE = 'n'.repeat(1_024);

/** @param bytes about as long as its JSON. @default 1024 */
export function orderOf(nth: number, bytes = 1_024): Order {
  return { orderId: `order-${nth}`, total: nth, note: NOTE.slice(0, bytes - BARE_BYTES) };
}

/** An application as users have it: validation, envelope, metrics, handler found and called by Nest. */
export async function bootShop(
  transport: Transport,
  { handling, concurrency, consume }: { handling: Handling; concurrency: number; consume: boolean },
): Promise<Shop> {
  @Injectable()
  class OrderHandler {
    @MessageHandler(OrderPlaced, { concurrency })
    async handle(order: Order): Promise<void> {
      await handling.handle(order);
    }
  }

  @Module({
    imports: [
      MessagingModule.forRoot({
        service: 'bench',
        transports: [transport],
        deadLetters: new MemoryDeadLetterStore(),
        messages: [OrderPlaced],
        registerHandlers: consume,
      }),
      MetricsModule.forRoot({ path: false, defaultMetrics: false }),
    ],
    providers: [OrderHandler],
  })
  class ShopModule {}

  const app: INestApplicationContext = await NestFactory.createApplicationContext(ShopModule, {
    logger: ['error'],
  });
  return { messaging: app.get(MessagingService), close: () => app.close() };
}

/** Publishes `count` orders with `inFlight` on their way at a time. */
export async function publishOrders(
  messaging: MessagingService,
  { from, count, inFlight, bytes }: { from: number; count: number; inFlight: number; bytes?: number },
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await messaging.publish(OrderPlaced, orderOf(from + next, bytes));
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, lane));
}
