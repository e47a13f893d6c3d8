import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { z } from 'zod';
import { defineMessage, MessageHandler, MessagingService } from '../../src/core/messaging/index.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps, memoryTransport } from '../support/messaging-app.js';
import type { WorkerTask } from '../support/standalone-worker.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const Ping = defineMessage('ping', z.object({ n: z.number() }));
const Pong = defineMessage('pong', z.object({ n: z.number() }));

afterEach(closeApps);

describe('a process without a server', () => {
  const data = temporaryDirectory();
  afterAll(() => data.remove());

  it('ends when it is closed', async () => {
    const worker = startWorker({ registerHandlers: true, directory: data.path, closeAfterMs: 10 });
    expect(await worker.ended).toBe(0);
    expect(worker.output()).toContain('closed');
  }, 60_000);

  it('ends by itself when it only publishes', async () => {
    const worker = startWorker({ registerHandlers: false, handlerMs: 0 });
    expect(await worker.ended).toBe(0);
  }, 60_000);

  it('lives while it consumes, and at a signal lets a handler end before anything is closed', async () => {
    const worker = startWorker({ registerHandlers: true, handlerMs: 2_000 });
    await worker.says('the handler begins');
    await wait(1_000);
    expect(worker.hasEnded()).toBe(false);
    worker.signal('SIGTERM');
    expect(await worker.ended).toBe('SIGTERM');
    expect(worker.output().split('\n').slice(1, 4)).toEqual([
      'the handler begins',
      'the handler ends with an open pool',
      'the pool is closed',
    ]);
  }, 60_000);
});

describe('shutdown', () => {
  it('ends intake and running handlers, which may publish, before any module is destroyed', async () => {
    @Injectable()
    class Pool implements OnModuleDestroy {
      isOpen = true;
      async onModuleDestroy(): Promise<void> {
        this.isOpen = false;
        await wait(300); // time in which further messages would be handled
      }
    }
    const seen: boolean[] = [];
    @Injectable()
    class Pings {
      constructor(
        private readonly pool: Pool,
        private readonly messaging: MessagingService,
      ) {}
      @MessageHandler(Ping, { concurrency: 1 })
      async on({ n }: { n: number }): Promise<void> {
        await wait(20);
        await this.messaging.publish(Pong, { n });
        seen.push(this.pool.isOpen);
      }
    }
    const { app, messaging, events } = await bootApp({ providers: [Pool, Pings] });
    await messaging.publishMany(
      Ping,
      Array.from({ length: 100 }, (_, n) => ({ n })),
    );
    await eventually(() => seen.length > 0 || undefined);
    await app.close();
    expect(seen.length).toBeLessThan(100);
    expect(seen).not.toContain(false);
    expect(events.filter(({ type }) => type === 'failed')).toEqual([]);
  });

  it('ends within drainTimeoutMs and 5 s when a handler, a store and a transport hang', async () => {
    const never = new Promise<never>(() => undefined);
    const main = memoryTransport('main');
    const close = main.close.bind(main);
    main.close = () => close().then(() => never);
    const deadLetters = new MemoryDeadLetterStore();
    deadLetters.add = () => never;
    let running = 0;
    @Injectable()
    class Pings {
      @MessageHandler(Ping, { timeoutMs: 0, attempts: 1 })
      on({ n }: { n: number }): Promise<void> {
        running += 1;
        if (n === 1) throw new Error('to be kept in the store that hangs');
        return never;
      }
    }
    const { app, messaging } = await bootApp(
      { providers: [Pings] },
      { transports: [main], deadLetters, drainTimeoutMs: 300 },
    );
    await messaging.publishMany(Ping, [{ n: 1 }, { n: 2 }]);
    await eventually(() => running === 2 || undefined);
    const startedAt = performance.now();
    await app.close();
    expect(performance.now() - startedAt).toBeLessThan(5_300);
  }, 30_000);
});

/** A child process that runs test/support/standalone-worker.ts. */
function startWorker(task: WorkerTask) {
  const args = ['--import', '@swc-node/register/esm-register', 'test/support/standalone-worker.ts'];
  const child = spawn(process.execPath, [...args, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let end: number | string | undefined;
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => resolve((end = code ?? signal ?? 'unknown'))),
  );
  return {
    ended,
    hasEnded: () => end !== undefined,
    output: () => output,
    says: (text: string) => eventually(() => output.includes(text) || undefined),
    signal: (signal: NodeJS.Signals) => child.kill(signal),
  };
}
