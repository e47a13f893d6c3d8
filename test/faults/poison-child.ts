import 'reflect-metadata';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import {
  DeadLetterService,
  defineMessage,
  MessageContext,
  MessageHandler,
  MessagingModule,
  MessagingService,
} from '../../src/core/messaging/index.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { EmbeddedDeadLetterStore } from '../../src/infrastructure/services/embedded/embedded-dead-letter.store.js';
import { endWithParent } from '../../src/testing/conformance/end-with-parent.js';
import type { KeysTask } from './keys-child.js';

/** An application that one message kills. */
export interface PoisonTask extends KeysTask {
  /** Of the dead letters. */
  readonly directory: string;
  /** Publishes the message, and harmless ones around it. */
  readonly publishes: boolean;
  readonly attempts: number;
  /** How many of them. */
  readonly harmless: number;
}

const task = JSON.parse(process.argv[2] ?? '') as PoisonTask;
const Poison = defineMessage('poison', z.object({ kills: z.boolean() }));

/** Written at once, so that nothing of it is lost with the process. */
const say = (...words: (string | number)[]): boolean => process.stdout.write(`${words.join(' ')}\n`);

@Injectable()
class Handlers {
  @MessageHandler(Poison, { group: 'g', attempts: task.attempts, concurrency: 1 })
  on({ kills }: { kills: boolean }, { attempt, messageId }: MessageContext): void {
    say(kills ? 'begin' : 'handled', messageId, attempt);
    if (kills) process.kill(process.pid, 'SIGKILL');
  }
}

async function main({ module, storage, directory, publishes, harmless }: PoisonTask): Promise<void> {
  const { createTransport } = (await import(pathToFileURL(resolve(module)).href)) as {
    createTransport: (storage: string) => Promise<Transport>;
  };
  const transport = await createTransport(storage);
  @Module({
    imports: [
      MessagingModule.forRoot({
        service: 'shop',
        transports: [transport],
        deadLetters: new EmbeddedDeadLetterStore({ directory }),
      }),
    ],
    providers: [Handlers],
  })
  class App {}
  const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
  const messaging = app.get(MessagingService);
  if (publishes)
    for (let nth = 0; nth <= harmless; nth++) {
      const kills = nth === 2;
      void messaging.publish(Poison, { kills }, { messageId: kills ? 'poison' : `harmless-${nth}` });
    }
  for (;;) {
    await wait(100);
    const { items } = await app.get(DeadLetterService).list({}, { limit: 10 });
    for (const { messageId } of items) say('parked', messageId);
  }
}

endWithParent();
main(task).catch((error: unknown) => {
  process.stderr.write(`${String((error as Error).stack)}\n`);
  process.exit(1);
});
