import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  Injectable,
  Logger,
  UseFilters,
} from '@nestjs/common';
import { ConsoleLogger } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  MessageHandler,
  MessagingModule,
  MessagingService,
} from '../../src/core/messaging/index.js';
import { TransportEventRelay } from '../../src/core/messaging/index.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { createTransport } from '../conformance/memory.factory.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps, memoryTransport } from '../support/messaging-app.js';

const Ping = defineMessage('ping', z.object({ n: z.number() }));

afterEach(closeApps);

describe('buses', () => {
  it('two in one application are refused', async () => {
    const second = MessagingModule.forRoot({
      service: 'second',
      transports: [memoryTransport('main')],
      deadLetters: new MemoryDeadLetterStore(),
    });
    await expect(bootApp({ imports: [second] })).rejects.toThrow(
      /forRoot or forRootAsync is imported 2 times .* Import it once, in the root module/,
    );
  });

  it('of two applications in one process both work, and one continues when the other is closed', async () => {
    const handled: string[] = [];
    @Injectable()
    class Pings {
      constructor(readonly messaging: MessagingService) {}
      @MessageHandler(Ping)
      on({ n }: { n: number }): void {
        handled.push(`${n} by ${this.messaging === first.messaging ? 'first' : 'second'}`);
      }
    }
    const first = await bootApp({ providers: [Pings] });
    const second = await bootApp({ providers: [Pings] });
    await Promise.all([first.messaging.publish(Ping, { n: 1 }), second.messaging.publish(Ping, { n: 2 })]);
    await eventually(() => handled.length === 2 || undefined);
    await first.app.close();
    await second.messaging.publish(Ping, { n: 3 });
    await eventually(() => handled.length === 3 || undefined);
    expect(handled.sort()).toEqual(['1 by first', '2 by second', '3 by second']);
    await expect(first.messaging.publish(Ping, { n: 4 })).rejects.toMatchObject({ code: 'NOT_RUNNING' });
  });
});

describe('logs', () => {
  interface Line {
    readonly level: string;
    readonly message: unknown;
  }
  const lines: Line[] = [];
  const note =
    (level: string) =>
    (message: unknown): void =>
      void lines.push({ level, message });

  /** A test application is booted without a logger, so it gets this one afterwards. */
  const listen = (): void => {
    lines.length = 0;
    Logger.overrideLogger({
      log: note('log'),
      warn: note('warn'),
      error: note('error'),
      fatal: note('fatal'),
    });
  };

  @Catch()
  class Observing implements ExceptionFilter {
    catch(_: unknown, __: ArgumentsHost): void {}
  }

  it.each([
    ['no filter', undefined],
    ['a filter that leaves the error', Observing],
  ])('have one object a failure, with %s', async (_, filter) => {
    @Injectable()
    class Pings {
      @MessageHandler(Ping, { attempts: 1 })
      on(): void {
        throw new Error('broken');
      }
    }
    if (filter) UseFilters(filter)(Pings);
    const { messaging, events } = await bootApp({ providers: [Pings] });
    listen();
    await messaging.publish(Ping, { n: 1 }, { messageId: 'm-1' });
    await eventually(() => events.find(({ type }) => type === 'failed'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(lines).toHaveLength(1);
    const [{ level, message }] = lines as [Line];
    expect(level).toBe('error');
    expect({ ...(message as object) }).toMatchObject({
      event: 'message-failed',
      messageId: 'm-1',
      handler: 'Pings.on',
      detail: 'broken',
    });
    expect(JSON.parse(String(message))).toMatchObject({ event: 'message-failed' });
  });

  it('are one line of text from the logger of Nest', async () => {
    @Injectable()
    class Pings {
      @MessageHandler(Ping, { attempts: 1 })
      on(): void {
        throw new Error('broken');
      }
    }
    const { messaging, events } = await bootApp({ providers: [Pings] });
    Logger.overrideLogger(new ConsoleLogger({ colors: false }));
    const written: string[] = [];
    const write = (text: string | Uint8Array): boolean => written.push(String(text)) > 0;
    const spies = [process.stdout, process.stderr].map((stream) =>
      jest.spyOn(stream, 'write').mockImplementation(write),
    );
    try {
      await messaging.publish(Ping, { n: 1 });
      await eventually(() => events.find(({ type }) => type === 'failed'));
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    const line = written.find((text) => text.includes('message-failed'));
    expect(line).toMatch(/ERROR \[Messaging\] \{"event":"message-failed".*\}\n$/);
    expect(line?.trim().split('\n')).toHaveLength(1);
  });

  it('report a connection that is closed on purpose as ordinary', async () => {
    const transportEvents = new TransportEventRelay();
    const main = await createTransport({ onEvent: transportEvents.listenerFor('main') });
    const { app } = await bootApp({}, { transports: [main], transportEvents });
    listen();
    await app.close();
    const disconnected = lines.filter(
      ({ message }) => (message as { event?: string }).event === 'transport-disconnected',
    );
    expect(disconnected.map(({ level }) => level)).toEqual(['log']);
  });
});
