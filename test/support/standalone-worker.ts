import 'reflect-metadata';
import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import { defineMessage, MessageHandler, MessagingService } from '../../src/core/messaging/index.js';
import { SwitchyardModule } from '../../src/switchyard/switchyard.module.js';

/** What a child process does, as the JSON of its first argument. */
export interface WorkerTask {
  /** The memory transport without one. */
  readonly directory?: string;
  readonly registerHandlers: boolean;
  /** How long the handler of the one message takes that is published after the boot. None without it. */
  readonly handlerMs?: number;
  /** Closes the application this long after the boot. */
  readonly closeAfterMs?: number;
}

const Ping = defineMessage('ping', z.object({}));
const task = JSON.parse(process.argv[2] ?? '{}') as WorkerTask;

@Injectable()
class Pool implements OnModuleDestroy {
  isOpen = true;
  onModuleDestroy(): void {
    this.isOpen = false;
    console.log('the pool is closed');
  }
}

@Injectable()
class Pings {
  constructor(private readonly pool: Pool) {}

  @MessageHandler(Ping)
  async on(): Promise<void> {
    console.log('the handler begins');
    await new Promise((resolve) => setTimeout(resolve, task.handlerMs).unref());
    console.log(`the handler ends with ${this.pool.isOpen ? 'an open' : 'a closed'} pool`);
  }
}

@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'worker',
      registerHandlers: task.registerHandlers,
      transports: {
        main:
          task.directory === undefined ? { kind: 'memory' } : { kind: 'embedded', directory: task.directory },
      },
      deadLetters: { store: 'memory' },
      idempotency: { store: 'memory' },
    }),
  ],
  providers: [Pool, Pings],
})
class App {}

const app = await NestFactory.createApplicationContext(App, { logger: false });
app.enableShutdownHooks();
console.log('booted');
if (task.handlerMs !== undefined) await app.get(MessagingService).publish(Ping, {});
if (task.closeAfterMs !== undefined) {
  await new Promise((resolve) => setTimeout(resolve, task.closeAfterMs));
  await app.close();
  console.log('closed');
}
