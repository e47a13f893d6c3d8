import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import {
  defineMessage,
  MessageHandler,
  MessagingService,
  type PayloadOf,
} from '../src/core/messaging/index.js';
import { SwitchyardModule } from '../src/switchyard/switchyard.module.js';
import { MetricsModule } from '../src/infrastructure/services/metrics/metrics.module.js';
import { type Bench, type Figure, interleave } from './harness.js';

const IN_FLIGHT = 1_000;

const StockMoved = defineMessage(
  'bench.stock.moved',
  z.object({ article: z.string(), warehouse: z.string(), pieces: z.number(), reason: z.string() }),
);

/** JSON of about 100 bytes. */
function movement(nth: number): PayloadOf<typeof StockMoved> {
  return { article: `article-${nth}`, warehouse: 'rotterdam-2', pieces: nth % 100, reason: 'sold in a shop' };
}

/** Counts what was handled; told when a count is reached. */
class Counter {
  #left = 0;
  #reached = (): void => undefined;

  expect(count: number): Promise<void> {
    this.#left = count;
    return new Promise((resolve) => (this.#reached = resolve));
  }

  count(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#reached();
  }
}

const handled = new Counter();

@Injectable()
class StockHandler {
  @MessageHandler(StockMoved, { concurrency: IN_FLIGHT })
  async on(): Promise<void> {
    handled.count();
  }
}

@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'bench',
      transports: { memory: { kind: 'memory' } },
      deadLetters: { store: 'memory' },
      idempotency: { store: 'memory' },
      messages: [StockMoved],
    }),
    MetricsModule.forRoot({ path: false, defaultMetrics: false }),
  ],
  providers: [StockHandler],
})
class StockModule {}

/** Messages a second from the first publish until the last is handled. */
async function publishToHandler(messaging: MessagingService, count: number): Promise<number> {
  const done = handled.expect(count);
  const startedAt = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await messaging.publish(StockMoved, movement(next++));
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  await done;
  return (count / (performance.now() - startedAt)) * 1_000;
}

/** What the core costs: the transport does next to nothing, so that nearly all of the time is ours. */
export const memory: Bench = {
  async run({ quick, progress }): Promise<Figure[]> {
    const app = await NestFactory.createApplicationContext(StockModule, { logger: ['error'] });
    try {
      const messaging = app.get(MessagingService);
      const count = quick ? 100_000 : 400_000;
      const { flow } = await interleave(
        quick ? 3 : 7,
        { flow: () => publishToHandler(messaging, count) },
        progress,
      );
      return [
        {
          figure: 'memory: publish to handler, async no-op, 1000 in flight',
          value: flow,
          unit: 'messages/s',
          floor: 150_000,
          goal: 500_000,
          judged: 'value',
        },
      ];
    } finally {
      await app.close();
    }
  },
};
