import { Injectable, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import type { SwitchyardSettings } from '../exports/config.js';
import { MemoryDeadLetterStore, memoryOptionsSchema, MemoryTransport } from '../exports/memory.js';
import {
  defineMessage,
  MESSAGING_VIEW,
  MessageHandler,
  MessagingService,
  type MessagingView,
  SWITCHYARD_SETTINGS,
  type SwitchyardAsyncOptions,
  SwitchyardModule,
  type SwitchyardOptions,
  type SwitchyardOptionsFactory,
  type TransportContext,
} from '../index.js';

const Pinged = defineMessage('pinged', z.object({ n: z.number() }));
const MEMORY = {
  service: 'shop',
  transports: { main: { kind: 'memory' } },
  deadLetters: { store: 'memory' },
  idempotency: { store: 'memory' },
} as const;

const boot = (module: object) =>
  NestFactory.createApplicationContext(module as never, { logger: false, abortOnError: false });

describe('SwitchyardModule', () => {
  const seen: number[] = [];
  @Injectable()
  class Pings {
    @MessageHandler(Pinged)
    on({ n }: { n: number }): void {
      seen.push(n);
    }
  }
  @Module({ imports: [SwitchyardModule.forRoot(MEMORY)], providers: [Pings] })
  class App {}

  it('boots twice in one process', async () => {
    for (const n of [1, 2]) {
      const app = await boot(App);
      await app.get(MessagingService).publish(Pinged, { n });
      await app.close();
    }
    expect(seen).toEqual([1, 2]);
  });

  it('boots twice at the same time; closing one leaves the other', async () => {
    const [a, b] = [await boot(App), await boot(App)];
    await a.close();
    await b.get(MessagingService).publish(Pinged, { n: 3 });
    await b.close();
    expect(seen).toContain(3);
  });

  const OPTIONS = { ...MEMORY, drainTimeoutMs: '2s' } as const;
  @Injectable()
  class Settings implements SwitchyardOptionsFactory {
    createSwitchyardOptions(): SwitchyardOptions {
      return OPTIONS;
    }
  }
  @Module({ providers: [Settings], exports: [Settings] })
  class SettingsModule {}

  it.each<[string, SwitchyardAsyncOptions]>([
    ['useFactory', { useFactory: async () => OPTIONS }],
    [
      'useFactory with a ConfigService',
      {
        imports: [ConfigModule.forRoot({ ignoreEnvFile: true, load: [() => ({ messaging: OPTIONS })] })],
        inject: [ConfigService],
        useFactory: (config: ConfigService) => config.getOrThrow<SwitchyardOptions>('messaging'),
      },
    ],
    ['useClass', { useClass: Settings }],
    ['useExisting', { imports: [SettingsModule], useExisting: Settings }],
  ])('takes options by %s', async (_, options) => {
    @Module({ imports: [SwitchyardModule.forRootAsync(options)], providers: [Pings] })
    class AsyncApp {}
    const app = await boot(AsyncApp);
    await app.get(MessagingService).publish(Pinged, { n: 4 });
    expect(app.get<SwitchyardSettings>(SWITCHYARD_SETTINGS).drainTimeoutMs).toBe(2_000);
    await app.close();
    expect(seen).toContain(4);
  });

  it('ignores handlers in a process that only publishes, also when the factory asks for it', async () => {
    const useFactory = (): SwitchyardOptions => ({ ...MEMORY, registerHandlers: false });
    @Module({ imports: [SwitchyardModule.forRootAsync({ useFactory })], providers: [Pings] })
    class WebApp {}
    const app = await boot(WebApp);
    expect(app.get<MessagingView>(MESSAGING_VIEW).subscriptions()).toEqual([]);
    await app.get(MessagingService).publish(Pinged, { n: 5 });
    await app.close();
    expect(seen).not.toContain(5);
  });

  it('is seen only where it is imported, with isGlobal: false', async () => {
    @Injectable()
    class Publisher {
      constructor(readonly messaging: MessagingService) {}
    }
    @Module({ providers: [Publisher] })
    class Feature {}
    @Module({ imports: [SwitchyardModule.forRoot({ ...MEMORY, isGlobal: false }), Feature] })
    class Apart {}
    await expect(boot(Apart)).rejects.toThrow('MessagingService');
    @Module({ imports: [SwitchyardModule.forRoot({ ...MEMORY, isGlobal: false })], providers: [Publisher] })
    class Together {}
    const app = await boot(Together);
    expect(app.get(Publisher).messaging).toBe(app.get(MessagingService));
    await app.close();
  });

  it('composes members, and takes transports and stores of the application', async () => {
    const made: string[] = [];
    const own = (context: TransportContext): MemoryTransport => {
      made.push(context.name);
      return new MemoryTransport(memoryOptionsSchema.parse({}), context);
    };
    const options: SwitchyardOptions = {
      service: 'shop',
      transports: {
        main: { kind: 'failover', members: ['own', 'other'] },
        own,
        other: { kind: 'memory' },
      },
      routes: [{ match: '**', transport: 'main' }],
      deadLetters: { store: () => new MemoryDeadLetterStore() },
      idempotency: { store: 'memory' },
    };
    @Module({ imports: [SwitchyardModule.forRoot(options)], providers: [Pings] })
    class Composed {}
    for (const n of [6, 7]) {
      const app = await boot(Composed);
      const receipt = await app.get(MessagingService).publish(Pinged, { n });
      expect(receipt.transport).toBe('own');
      expect(
        app
          .get<MessagingView>(MESSAGING_VIEW)
          .transports()
          .map(({ name }) => name),
      ).toEqual(['main']);
      await app.close();
    }
    expect(made).toEqual(['own', 'own']);
  });
});
