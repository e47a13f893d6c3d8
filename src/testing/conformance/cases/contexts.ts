import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import {
  defineMessage,
  MessageHandler,
  MessagingModule,
  MessagingService,
  type PayloadOf,
} from '../../../core/messaging/index.js';
import { MemoryDeadLetterStore } from '../../../infrastructure/services/memory/memory-dead-letter.store.js';
import { type Case, unique } from '../bench.js';

/** How a message comes to its handler. */
const WAYS = ['at once', 'retried', 'delayed'] as const;

/** A transport calls from timers, sockets and publishers: the core keeps what those have stored from its handlers. */
export const contexts: readonly Case[] = [
  {
    title: 'handlers and observers see nothing that a publisher or another handler has stored',
    run: async ({ transport, expect, until }) => {
      const store = new AsyncLocalStorage<string>();
      const Sent = defineMessage(unique(), z.object({ way: z.enum(WAYS), by: z.string() }));
      const handled: string[] = [];
      const seen = new Set<string | undefined>();

      @Injectable()
      class Handler {
        readonly #failed = new Set<string>();

        @MessageHandler(Sent, { backoff: { type: 'fixed', delayMs: 50 } })
        async on({ way, by }: PayloadOf<typeof Sent>): Promise<void> {
          seen.add(store.getStore());
          // Entered before the first await, this stays in the context of the caller.
          store.enterWith(`the handler of ${by}`);
          await Promise.resolve();
          if (way === 'retried' && !this.#failed.has(by)) {
            this.#failed.add(by);
            throw new Error('for the first time');
          }
          handled.push(`${way} ${by}`);
        }
      }
      const observer = { on: () => seen.add(store.getStore()) };
      const messaging = MessagingModule.forRoot({
        service: unique('g'),
        transports: [transport],
        deadLetters: new MemoryDeadLetterStore(),
        observers: [observer],
      });
      @Module({ imports: [messaging], providers: [Handler] })
      class App {}
      const app = await NestFactory.createApplicationContext(App, { logger: false });
      try {
        const publishers = ['ann', 'bob'].flatMap((by) => WAYS.map((way) => ({ by, way })));
        await Promise.all(
          publishers.map(({ by, way }) =>
            store.run(by, () =>
              app.get(MessagingService).publish(Sent, { way, by }, way === 'delayed' ? { delayMs: 200 } : {}),
            ),
          ),
        );
        await until(() => handled.length === publishers.length);
      } finally {
        await app.close();
      }
      expect([...seen]).toEqual([undefined]);
    },
  },
];
