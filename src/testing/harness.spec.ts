import { Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { z } from 'zod';
import {
  defineMessage,
  MessageHandler,
  MessagingModule,
  MessagingService,
  PermanentError,
} from '../core/messaging/index.js';
import {
  SwitchyardHarness,
  SwitchyardTestingModule,
  type SwitchyardTestingOptions,
} from '../exports/testing.js';

const OrderPlaced = defineMessage(
  'orders.placed',
  z.object({ orderId: z.string(), total: z.coerce.number().default(0) }),
  { key: ({ orderId }) => orderId },
);
const Invoiced = defineMessage('invoices.made', z.object({ orderId: z.string() }));
const Unknown = defineMessage('unknown', z.object({}));

@Injectable()
class Billing {
  readonly seen: string[] = [];
  run: (orderId: string, signal: AbortSignal) => unknown = () => undefined;

  constructor(private readonly messaging: MessagingService) {}

  @MessageHandler(OrderPlaced, { group: 'billing', attempts: 3, timeoutMs: 30_000 })
  async on({ orderId }: { orderId: string }, { signal }: { signal: AbortSignal }): Promise<void> {
    this.seen.push(orderId);
    await this.run(orderId, signal);
    await this.messaging.publish(Invoiced, { orderId });
  }

  @MessageHandler(Invoiced, { group: 'mail' })
  onInvoice(): void {
    // It ends the cascade.
  }
}

@Module({ providers: [Billing] })
class Shop {}

const open: TestingModule[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

async function start(options?: SwitchyardTestingOptions) {
  const imports = [Shop, SwitchyardTestingModule.forTest(options)];
  const app = await Test.createTestingModule({ imports }).compile();
  open.push(app);
  await app.init();
  return {
    app,
    harness: app.get(SwitchyardHarness),
    messaging: app.get(MessagingService),
    billing: app.get(Billing),
  };
}

const TOPOLOGY = {
  transports: {
    events: { kind: 'kafka', brokers: ['127.0.0.1:9092'] },
    work: { kind: 'rabbitmq' },
    brokers: { kind: 'failover', members: ['events', 'work'] },
    disk: { kind: 'embedded' },
    main: { kind: 'spooled', transport: 'brokers', spool: 'disk' },
  },
} as const;

describe('the harness', () => {
  it('waits until a whole cascade is handled, and shows what was published and handled', async () => {
    const { harness, messaging } = await start();
    await messaging.publish(OrderPlaced, { orderId: 'o-1', total: '12' }, { headers: { 'x-tenant': 't' } });
    await harness.settled();
    expect(harness.published(OrderPlaced)).toMatchObject([
      {
        payload: { orderId: 'o-1', total: 12 },
        key: 'o-1',
        status: 'accepted',
        transport: 'main',
        delayMs: 0,
      },
    ]);
    expect(harness.published(OrderPlaced)[0]?.headers['x-tenant']).toBe('t');
    expect(harness.handled(OrderPlaced)).toMatchObject([
      { group: 'billing', handler: 'Billing.on', attempt: 1 },
    ]);
    expect(harness.handled(Invoiced)).toMatchObject([{ payload: { orderId: 'o-1' }, group: 'mail' }]);
    expect([harness.published(Unknown), harness.deadLetters()]).toEqual([[], []]);
    harness.clear();
    expect([harness.published(OrderPlaced), harness.handled(OrderPlaced)]).toEqual([[], []]);
  });

  it('runs retries, delays and what they cause on virtual time', async () => {
    const { harness, messaging, billing } = await start();
    harness.failNext(OrderPlaced, { group: 'billing', error: new Error('504'), times: 2 });
    await messaging.publish(OrderPlaced, { orderId: 'now' });
    await messaging.publish(OrderPlaced, { orderId: 'later' }, { delayMs: 3_600_000 });
    await harness.settled();
    expect(billing.seen).toEqual([]);
    await harness.advance('5m');
    expect(billing.seen).toEqual(['now']);
    expect(harness.handled(OrderPlaced)).toMatchObject([{ attempt: 3 }]);
    await harness.advance(3_600_000 - 300_000 - 1);
    expect(billing.seen).toEqual(['now']);
    await harness.advance(1);
    expect(billing.seen).toEqual(['now', 'later']);
    expect(harness.handled(Invoiced)).toHaveLength(2);
  });

  it('shows dead letters with their reason', async () => {
    const { harness, messaging } = await start();
    harness.failNext(OrderPlaced, { error: new PermanentError('never') });
    await messaging.publish(OrderPlaced, { orderId: 'o-1' });
    await harness.settled();
    expect(harness.deadLetters(OrderPlaced)).toMatchObject([
      { topic: 'orders.placed', group: 'billing', reason: 'rejected', attempts: 1 },
    ]);
    expect(harness.deadLetters(Invoiced)).toEqual([]);
    harness.failNext(OrderPlaced, { times: 3 });
    await messaging.publish(OrderPlaced, { orderId: 'o-2' });
    await harness.advance('1h');
    expect(harness.deadLetters().map(({ attempts }) => attempts)).toEqual([1, 3]);
  });

  it('says what is not settled', async () => {
    const { harness, messaging, billing } = await start();
    let finish = (): void => undefined;
    billing.run = () => new Promise<void>((resolve) => (finish = resolve));
    const { messageId } = await messaging.publish(OrderPlaced, { orderId: 'o-1' });
    await expect(harness.settled({ withinMs: 30 })).rejects.toThrow(
      `Billing.on (group billing) handles message ${messageId} of "orders.placed", attempt 1`,
    );
    finish();
    await harness.settled();
    expect(harness.handled(Invoiced)).toHaveLength(1);
  });

  it('waits for handlers that need time of the machine, also while time is moved', async () => {
    const { harness, messaging, billing } = await start();
    billing.run = () => new Promise((resolve) => setTimeout(resolve, 20));
    await messaging.publish(OrderPlaced, { orderId: 'o-1' });
    await harness.settled();
    await messaging.publish(OrderPlaced, { orderId: 'o-2' }, { delayMs: 10 });
    await messaging.publish(OrderPlaced, { orderId: 'o-3' }, { delayMs: 20 });
    await harness.advance(15);
    expect(harness.handled(Invoiced).map(({ payload }) => payload.orderId)).toEqual(['o-1', 'o-2']);
  });

  it('ends handlers that hang by their timeout, on virtual time', async () => {
    const { harness, messaging, billing } = await start();
    const reasons: string[] = [];
    billing.run = (_, signal) => {
      signal.addEventListener('abort', () => reasons.push((signal.reason as Error).name));
      return new Promise(() => undefined);
    };
    await messaging.publish(OrderPlaced, { orderId: 'o-1' });
    await harness.advance('1h');
    expect(reasons).toEqual(['HandlerTimeoutError', 'HandlerTimeoutError', 'HandlerTimeoutError']);
    expect(harness.deadLetters()).toMatchObject([{ reason: 'timeout', attempts: 3 }]);
    await harness.settled();
  });

  it('closes although a handler hangs, within seconds of the machine', async () => {
    const { app, messaging, billing } = await start({ drainTimeoutMs: 100 });
    billing.run = () => new Promise(() => undefined);
    await messaging.publish(OrderPlaced, { orderId: 'o-1' });
    const startedAt = performance.now();
    await app.close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('puts an outage of every broker into a unit test: what is published waits in the spool', async () => {
    const { harness, messaging } = await start(TOPOLOGY);
    const first = await messaging.publish(OrderPlaced, { orderId: 'o-1' });
    expect(first).toMatchObject({ status: 'accepted', transport: 'events' });
    await harness.settled();
    const outages = [harness.outage('events'), harness.outage('work')];
    const second = await messaging.publish(OrderPlaced, { orderId: 'o-2' });
    expect(second).toMatchObject({ status: 'spooled', transport: 'disk' });
    await harness.advance('1m');
    await harness.settled();
    expect(harness.handled(OrderPlaced).map(({ payload }) => payload.orderId)).toEqual(['o-1']);
    for (const outage of outages) await outage.restore();
    await harness.advance('1m');
    await harness.settled();
    expect(harness.handled(OrderPlaced).map(({ payload }) => payload.orderId)).toEqual(['o-1', 'o-2']);
    expect(harness.published(OrderPlaced).map(({ status }) => status)).toEqual(['accepted', 'spooled']);
  });

  it('fails over to the other broker, and delivers what the first one held once it is back', async () => {
    const { harness, messaging, billing } = await start(TOPOLOGY);
    let finish = (): void => undefined;
    billing.run = () => new Promise<void>((resolve) => (finish = resolve));
    await messaging.publish(OrderPlaced, { orderId: 'o-1' });
    await harness.advance(0);
    const outage = harness.outage('events');
    finish();
    billing.run = () => undefined;
    expect(await messaging.publish(OrderPlaced, { orderId: 'o-2' })).toMatchObject({ transport: 'work' });
    await harness.settled();
    expect(billing.seen).toEqual(['o-1', 'o-2']);
    await outage.restore();
    await outage.restore();
    await harness.settled();
    expect(billing.seen).toEqual(['o-1', 'o-2', 'o-1']);
  });

  it('rejects a publish without a spool', async () => {
    const { harness, messaging } = await start();
    const outage = harness.outage('main');
    await expect(messaging.publish(OrderPlaced, { orderId: 'o-1' })).rejects.toMatchObject({
      code: 'PUBLISH_UNAVAILABLE',
    });
    await outage.restore();
    await messaging.publish(OrderPlaced, { orderId: 'o-1' });
    expect(harness.published(OrderPlaced)).toHaveLength(1);
  });

  it('begins at the time of the machine, or at the one that is given', async () => {
    const before = Date.now();
    const { harness } = await start();
    expect(harness.now()).toBeGreaterThanOrEqual(before);
    const { harness: other } = await start({ startAt: new Date('2030-01-01') });
    await other.advance('1d');
    expect(new Date(other.now()).toISOString()).toBe('2030-01-02T00:00:00.000Z');
  });
});

describe('the harness under fake timers', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('publishes, settles, moves its own time and closes', async () => {
    const { app, harness, messaging, billing } = await start(TOPOLOGY);
    harness.failNext(OrderPlaced);
    await messaging.publish(OrderPlaced, { orderId: 'o-1' }, { delayMs: 1_000 });
    await harness.settled();
    await harness.advance('5m');
    expect(billing.seen).toEqual(['o-1']);
    const outages = [harness.outage('events'), harness.outage('work')];
    await messaging.publish(OrderPlaced, { orderId: 'o-2' });
    await Promise.all(outages.map((outage) => outage.restore()));
    await harness.advance('1m');
    expect(billing.seen).toEqual(['o-1', 'o-2']);
    billing.run = () => new Promise<void>((resolve) => setTimeout(resolve, 60_000));
    await messaging.publish(OrderPlaced, { orderId: 'o-3' });
    await expect(harness.settled({ withinMs: 30 })).rejects.toThrow('fake timers');
    await jest.advanceTimersByTimeAsync(60_000);
    await harness.settled();
    expect(harness.handled(Invoiced)).toHaveLength(3);
    await app.close();
  });
});

describe('the harness, used wrongly', () => {
  it('names the remedy before the start and after the end', async () => {
    const app = await Test.createTestingModule({ imports: [SwitchyardTestingModule.forTest()] }).compile();
    const harness = app.get(SwitchyardHarness);
    await expect(harness.settled()).rejects.toThrow('`await app.init()`');
    await app.init();
    await app.close();
    await expect(harness.advance('5m')).rejects.toThrow('Call it before app.close()');
  });

  it('names transports, groups, times and types that it does not know', async () => {
    const { harness } = await start(TOPOLOGY);
    expect(() => harness.outage('main')).toThrow('There are events, work, disk.');
    expect(() => harness.failNext(OrderPlaced, { group: 'mail' })).toThrow('There are billing');
    expect(() => harness.failNext(OrderPlaced, { times: 0 })).toThrow('times of failNext is 0');
    expect(() => harness.failNext(Unknown)).toThrow('Import the module that provides it.');
    expect(() => harness.failNext(undefined as never)).toThrow('Give what defineMessage returns');
    await expect(harness.advance('soon')).rejects.toThrow('Time cannot move by "soon"');
    await expect(harness.advance(-1)).rejects.toThrow('Time cannot move by -1');
  });

  it.each([
    ['shop', 'The options of forTest are "shop". Give an object, or nothing.'],
    [null, 'The options of forTest are null. Give an object, or nothing.'],
    [{ around: class {} }, 'Option around of forTest must be a list.'],
    [{ observers: {} }, 'Option observers of forTest must be a list.'],
  ])('refuses %p in the place of its options', async (options, sentence) => {
    const imports = [SwitchyardTestingModule.forTest(options as unknown as SwitchyardTestingOptions)];
    const app = await Test.createTestingModule({ imports }).compile();
    const error: unknown = await app.init().catch((caught: unknown) => caught);
    expect((error as { problems: string[] }).problems).toEqual([sentence]);
  });

  it('names every mistake in the options when the application starts', async () => {
    const options = {
      sevice: 'shop',
      startAt: '2030-01-01',
      transports: {
        a: { kind: 'failover', members: ['b', 'nowhere'] },
        b: { kind: 'failover', members: ['a', 'b'] },
        c: { kind: 'nats' },
        d: { kind: 'failover', members: ['e', 'f'], failuresToOpen: 0 },
        e: { kind: 'memory' },
        f: { kind: 'memory' },
      },
    } as unknown as SwitchyardTestingOptions;
    const imports = [SwitchyardTestingModule.forTest(options)];
    const app = await Test.createTestingModule({ imports }).compile();
    const error: unknown = await app.init().catch((caught: unknown) => caught);
    expect((error as { problems: string[] }).problems).toEqual(
      expect.arrayContaining([
        expect.stringContaining('forTest has no option sevice. It has '),
        'Option startAt of forTest must be a valid Date.',
        'transports.a is inside itself: a > b > a.',
        'transports.a names the transport "nowhere", but there are a, b, c, d, e, f.',
        expect.stringContaining('transports.c has the kind "nats".'),
        expect.stringContaining('transports.d cannot be made:'),
      ]),
    );
  });

  it('names the remedy when it is imported as a class', async () => {
    const compiling = Test.createTestingModule({ imports: [SwitchyardTestingModule] }).compile();
    await expect(compiling).rejects.toThrow('Import SwitchyardTestingModule.forTest().');
  });

  it('is a second bus beside the one of the application, which is refused', async () => {
    @Module({ imports: [SwitchyardTestingModule.forTest()] })
    class Other {}
    const imports = [Other, SwitchyardTestingModule.forTest()];
    const app = await Test.createTestingModule({ imports }).compile();
    await expect(app.init()).rejects.toMatchObject({ code: 'CONFIGURATION' });
  });

  it('replaces the bus of an application by overriding the module that imports it', async () => {
    @Module({
      imports: [MessagingModule.forRoot({ service: 'shop', transports: [], deadLetters: {} as never })],
    })
    class Bus {}
    @Module({ imports: [Bus, Shop] })
    class App {}
    const app = await Test.createTestingModule({ imports: [App] })
      .overrideModule(Bus)
      .useModule(SwitchyardTestingModule.forTest({ service: 'shop' }))
      .compile();
    open.push(app);
    await app.init();
    await app.get(MessagingService).publish(OrderPlaced, { orderId: 'o-1' });
    await app.get(SwitchyardHarness).settled();
    expect(app.get(Billing).seen).toEqual(['o-1']);
  });
});
