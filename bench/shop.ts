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

const NOTE = 'n'.repeat(970);

/** About 1 KiB as JSON. */
export function orderOf(nth: number): Order {
  return { orderId: `order-${nth}`, total: nth, note: NOTE };
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
  { from, count, inFlight }: { from: number; count: number; inFlight: number },
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await messaging.publish(OrderPlaced, orderOf(from + next));
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, lane));
}
