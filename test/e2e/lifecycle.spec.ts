import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import {
  DeadLetterService,
  defineMessage,
  type MessageContext,
  MESSAGING_VIEW,
  MessageHandler,
  MessagingError,
  MessagingModule,
  type MessagingModuleOptions,
  type MessagingOptionsFactory,
  MessagingService,
  type MessagingView,
  systemClock,
} from '../../src/core/messaging/index.js';
import { EmbeddedDeadLetterStore } from '../../src/infrastructure/services/embedded/embedded-dead-letter.store.js';
import { embeddedOptionsSchema } from '../../src/infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../src/infrastructure/services/embedded/embedded.transport.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps, memoryTransport } from '../support/messaging-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const Ping = defineMessage('ping', z.object({ n: z.number() }));
const Pong = defineMessage('pong', z.object({ n: z.number() }));

afterEach(closeApps);

const options = (): MessagingModuleOptions => ({
  service: 'shop',
  transports: [memoryTransport('main')],
  deadLetters: new MemoryDeadLetterStore(),
});

@Injectable()
class Options implements MessagingOptionsFactory {
  createMessagingOptions(): MessagingModuleOptions {
    return options();
  }
}

@Module({ providers: [Options], exports: [Options] })
class OptionsModule {}

describe('the module', () => {
  it.each([
    ['useFactory', MessagingModule.forRootAsync({ useFactory: () => Promise.resolve(options()) })],
    ['useClass', MessagingModule.forRootAsync({ useClass: Options })],
    ['useExisting', MessagingModule.forRootAsync({ imports: [OptionsModule], useExisting: Options })],
  ])('takes its options from %s', async (_, module) => {
    const app = await NestFactory.createApplicationContext(
      { module: class Root {}, imports: [module] },
      { logger: false },
    );
    expect((await app.get(MessagingService).publish(Ping, { n: 1 })).status).toBe('accepted');
    await app.close();
  });

  it('consumes nothing in a process that only publishes', async () => {
    let runs = 0;
    @Injectable()
    class Pings {
      @MessageHandler(Ping)
      on(): void {
        runs++;
      }
    }
    const { messaging, app } = await bootApp({ providers: [Pings] }, { registerHandlers: false });
    await messaging.publish(Ping, { n: 1 });
    expect(app.get<MessagingView>(MESSAGING_VIEW).subscriptions()).toEqual([]);
    expect(runs).toBe(0);
  });

  it('refuses to start with mistakes, and names all of them', async () => {
    @Injectable()
    class Wrong {
      @MessageHandler(Ping, { concurrency: -1 })
      a(): void {
        throw new Error('never called');
      }
      @MessageHandler(Ping)
      b(): void {
        throw new Error('never called');
      }
    }
    const boot = bootApp(
      { providers: [Wrong] },
      {
        service: 'two words',
        transports: [memoryTransport('main'), memoryTransport('main')],
        routes: [{ match: 'orders.*', transport: 'kafka' }],
        drain: ['old'],
        drainTimeoutMs: -1,
      },
    );
    await expect(boot).rejects.toMatchObject({
      code: 'CONFIGURATION',
      problems: expect.arrayContaining([
        expect.stringContaining('Option service cannot be a name'),
        expect.stringContaining('Two transports are named "main"'),
        expect.stringContaining('"kafka", which is not configured. Configured: main'),
        expect.stringContaining('drain names the transport "old"'),
        expect.stringContaining('drainTimeoutMs is -1'),
        expect.stringContaining('concurrency is -1'),
        expect.stringContaining('Two handlers claim "ping"'),
        expect.stringContaining('No route matches "ping"'),
      ]),
    });
  });

  it('fails the boot when a required transport does not connect, and boots without it in the background', async () => {
    const main = memoryTransport('main');
    let isUp = false;
    const connect = main.connect.bind(main);
    main.connect = () =>
      isUp ? connect() : Promise.reject(Object.assign(new Error('secret host'), { code: 'ECONNREFUSED' }));
    await expect(bootApp({}, { transports: [main] })).rejects.toThrow(
      /no connection to "main" \(ECONNREFUSED\)/,
    );
    let handled = 0;
    @Injectable()
    class Pings {
      @MessageHandler(Ping)
      on(): void {
        handled++;
      }
    }
    const later = memoryTransport('main');
    const connectLater = later.connect.bind(later);
    later.connect = () => (isUp ? connectLater() : Promise.reject(new Error('not yet')));
    const { messaging, app } = await bootApp(
      { providers: [Pings] },
      { transports: [later], connect: 'background' },
    );
    expect(app.get<MessagingView>(MESSAGING_VIEW).subscriptions()[0]?.state).toBe('starting');
    isUp = true;
    await eventually(
      () => app.get<MessagingView>(MESSAGING_VIEW).subscriptions()[0]?.state === 'running' || undefined,
    );
    await messaging.publish(Ping, { n: 1 });
    await eventually(() => handled === 1 || undefined);
  });
});

describe('a consumer that cannot start', () => {
  it('is started again in the background, and its reason is shown until it runs', async () => {
    const main = memoryTransport('main');
    const consume = main.consume.bind(main);
    let isForbidden = true;
    main.consume = (...args) =>
      isForbidden
        ? Promise.reject(new MessagingError('FORBIDDEN', 'The user may not read.'))
        : consume(...args);
    let handled = 0;
    @Injectable()
    class Pings {
      @MessageHandler(Ping)
      on(): void {
        handled++;
      }
    }
    const { messaging, app } = await bootApp(
      { providers: [Pings] },
      { transports: [main], connect: 'background' },
    );
    const view = app.get<MessagingView>(MESSAGING_VIEW);
    await eventually(() => view.problems().length > 0 || undefined);
    expect(view.problems()).toEqual([
      expect.objectContaining({ transport: 'main', code: 'consumer_not_started', topic: 'ping' }),
    ]);
    expect(view.subscriptions()[0]?.state).toBe('starting');
    isForbidden = false;
    await messaging.publish(Ping, { n: 1 });
    await eventually(() => handled === 1 || undefined);
    expect(view.problems()).toEqual([]);
    expect(view.subscriptions()[0]?.state).toBe('running');
  });
});

describe('shutdown', () => {
  it('uses no attempt of a message whose handler is abandoned, however often the process restarts', async () => {
    const data = temporaryDirectory();
    const attempts: number[] = [];
    let isSlow = true;
    @Injectable()
    class Pings {
      @MessageHandler(Ping, { attempts: 1 })
      async on(_: unknown, { attempt, signal }: MessageContext): Promise<void> {
        attempts.push(attempt);
        if (isSlow) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }
    }
    const boot = () => {
      const options = embeddedOptionsSchema.parse({ directory: `${data.path}/messages` });
      const context = { name: 'local', clock: systemClock, onEvent: () => undefined };
      return bootApp(
        { providers: [Pings] },
        {
          transports: [new EmbeddedTransport(options, context)],
          deadLetters: new EmbeddedDeadLetterStore({ directory: `${data.path}/dead-letters` }),
          drainTimeoutMs: 20,
        },
      );
    };
    try {
      let { app, messaging, events } = await boot();
      await messaging.publish(Ping, { n: 1 });
      for (let restart = 1; restart <= 3; restart++) {
        await eventually(() => attempts.length === restart || undefined);
        await app.close();
        expect(events).toContainEqual(expect.objectContaining({ type: 'postponed', reason: 'abandoned' }));
        if (restart === 3) isSlow = false;
        ({ app, messaging, events } = await boot());
      }
      await eventually(() => events.some(({ type }) => type === 'handled') || undefined);
      expect(attempts).toEqual([1, 1, 1, 1]);
      expect((await app.get(DeadLetterService).list({}, { limit: 1 })).items).toEqual([]);
    } finally {
      await closeApps();
      data.remove();
    }
  });

  it('lets running handlers finish and publish, starts no further ones, and then refuses to publish', async () => {
    const started: number[] = [];
    const finished: number[] = [];
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    @Injectable()
    class Pings {
      constructor(private readonly messaging: MessagingService) {}
      @MessageHandler(Ping, { concurrency: 1 })
      async on({ n }: { n: number }): Promise<void> {
        started.push(n);
        await gate;
        await this.messaging.publish(Pong, { n });
        finished.push(n);
      }
    }
    const { messaging, app, events } = await bootApp({ providers: [Pings] }, { drainTimeoutMs: 20_000 });
    await messaging.publishMany(Ping, [{ n: 1 }, { n: 2 }]);
    await eventually(() => started.length === 1 || undefined);
    const closed = app.close();
    await eventually(() => app.get<MessagingView>(MESSAGING_VIEW).state() === 'draining' || undefined);
    release();
    await closed;
    expect([started, finished]).toEqual([[1], [1]]);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'published', topic: 'pong', outcome: 'accepted' }),
    );
    await expect(messaging.publish(Ping, { n: 3 })).rejects.toMatchObject({ code: 'NOT_RUNNING' });
  });

  it('abandons handlers that do not finish in time, aborting their signal', async () => {
    let reason: unknown;
    let isRunning = false;
    @Injectable()
    class Stuck {
      @MessageHandler(Ping, { timeoutMs: 0 })
      on(_: { n: number }, { signal }: { signal: AbortSignal }): Promise<void> {
        isRunning = true;
        signal.addEventListener('abort', () => {
          reason = signal.reason;
        });
        return new Promise(() => undefined);
      }
    }
    const { messaging, app } = await bootApp({ providers: [Stuck] }, { drainTimeoutMs: 50 });
    await messaging.publish(Ping, { n: 1 });
    await eventually(() => isRunning || undefined);
    await app.close();
    expect(reason).toMatchObject({ code: 'NOT_RUNNING' });
  });
});
