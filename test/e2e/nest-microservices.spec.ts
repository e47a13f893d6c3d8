/** One file because each describes one application with both halves of the bridge, and they share its controllers. */
import {
  BadRequestException,
  Controller,
  Injectable,
  type INestMicroservice,
  UseGuards,
  type CanActivate,
} from '@nestjs/common';
import { Ctx, EventPattern, Payload, RpcException } from '@nestjs/microservices';
import { lastValueFrom, throwError } from 'rxjs';
import {
  currentMessage,
  type DeadLetter,
  DeadLetterService,
  MESSAGING_VIEW,
  type MessagingView,
  PermanentError,
  RetryAfterError,
} from 'switchyard';
import { MessagingAdminModule } from 'switchyard/admin';
import { HealthModule } from 'switchyard/health';
import { MetricsModule } from 'switchyard/metrics';
import {
  SwitchyardClient,
  SwitchyardContext,
  SwitchyardRecordBuilder,
  SwitchyardServer,
} from 'switchyard/microservices';
import { type BridgeApp, bootBridge, bootPureBridge, closeBridges } from '../support/bridge-app.js';
import { eventually } from '../support/demonstration.js';
import { authorizer } from '../support/operations-app.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const SOON = { type: 'fixed', delayMs: 1 } as const;

class OutOfStock extends Error {}

afterEach(closeBridges);

async function deadLettersOf(
  app: BridgeApp['app'] | INestMicroservice,
  count = 1,
): Promise<readonly DeadLetter[]> {
  const service = app.get(DeadLetterService, { strict: false });
  return eventually(async () => {
    const { items } = await service.list({}, { limit: 10 });
    if (items.length < count) return undefined;
    return Promise.all(items.map(({ id }) => service.get(id)));
  });
}

const emit = (app: BridgeApp, pattern: unknown, data: unknown): Promise<unknown> =>
  lastValueFrom(app.client.emit(pattern, data));

describe('a handler of @EventPattern', () => {
  const calls: string[] = [];
  beforeEach(() => void calls.splice(0));

  @Controller()
  class Handlers {
    @EventPattern('orders.placed', { attempts: 3, backoff: SOON })
    charge(_data: unknown): void {
      calls.push('charge');
      throw new OutOfStock('none left');
    }

    @EventPattern('orders.placed')
    ship(_data: unknown): void {
      calls.push('ship');
    }

    @EventPattern('orders.permanent', { backoff: SOON })
    permanent(_data: unknown): void {
      calls.push('permanent');
      throw new PermanentError('never');
    }

    @EventPattern('orders.later', { backoff: { type: 'fixed', delayMs: 60_000 } })
    later(@Ctx() context: SwitchyardContext): void {
      calls.push(`later ${context.getAttempt()}`);
      if (context.getAttempt() === 1) throw new RetryAfterError(1);
    }

    @EventPattern('orders.rpc', { attempts: 1 })
    rpc(_data: unknown): void {
      throw new RpcException({ status: 'error', code: 'NO_STOCK', sku: 's-1' });
    }

    @EventPattern('orders.observed', { attempts: 1 })
    observed(_data: unknown): unknown {
      return throwError(() => new OutOfStock('in an Observable'));
    }
  }

  it('is retried with its own options, and its dead letter names the error that was thrown', async () => {
    const bridge = await bootBridge({ controllers: [Handlers] });
    await emit(bridge, 'orders.placed', { id: 'o-1' });
    const [deadLetter] = await deadLettersOf(bridge.app);
    expect(deadLetter).toMatchObject({
      group: 'shop.Handlers.charge',
      handler: 'Handlers.charge',
      reason: 'handler_error',
      attempts: 3,
      error: { type: 'OutOfStock', message: 'none left' },
    });
    expect(deadLetter?.error.stack).toContain('nest-microservices.spec.ts');
    // The other handler of the pattern is settled alone.
    expect(calls.toSorted()).toEqual(['charge', 'charge', 'charge', 'ship']);
  });

  it('has its errors classified by class: rules, PermanentError and RetryAfterError', async () => {
    const bridge = await bootBridge(
      { controllers: [Handlers] },
      { options: { defaults: { errors: [{ match: OutOfStock, action: 'dead-letter' }] } } },
    );
    await emit(bridge, 'orders.placed', { id: 'o-1' });
    await emit(bridge, 'orders.permanent', { id: 'o-1' });
    await emit(bridge, 'orders.later', { id: 'o-1' });
    await emit(bridge, 'orders.observed', { id: 'o-1' });
    const deadLetters = await deadLettersOf(bridge.app, 3);
    expect(deadLetters.map(({ error }) => error.type).toSorted()).toEqual([
      'OutOfStock',
      'OutOfStock',
      'PermanentError',
    ]);
    await eventually(() => calls.includes('later 2') || undefined);
    expect(calls.toSorted()).toEqual(['charge', 'later 1', 'later 2', 'permanent', 'ship']);
  });

  it('leaves the object of an RpcException in the dead letter', async () => {
    const bridge = await bootBridge({ controllers: [Handlers] });
    await emit(bridge, 'orders.rpc', { id: 'o-1' });
    const [deadLetter] = await deadLettersOf(bridge.app);
    expect(deadLetter?.error.type).toBe('RpcException');
    expect(JSON.parse(deadLetter?.error.message ?? '')).toEqual({
      status: 'error',
      code: 'NO_STOCK',
      sku: 's-1',
    });
  });

  it('runs inside of what is around all handlers, as the message being handled', async () => {
    const seen: unknown[] = [];
    @Controller()
    class Inside {
      @EventPattern('orders.inside')
      on(_data: unknown): void {
        seen.push(currentMessage()?.handler);
      }
    }
    const around = [
      async ({ topic }: { topic: string }, next: () => Promise<unknown>): Promise<unknown> => {
        seen.push(`before ${topic}`);
        return next();
      },
    ];
    const bridge = await bootBridge({ controllers: [Inside] }, { options: { around } });
    await emit(bridge, 'orders.inside', { id: 'o-1' });
    await eventually(() => seen[1]);
    expect(seen).toEqual(['before orders.inside', 'Inside.on']);
  });
});

describe('a refusal', () => {
  @Injectable()
  class Nobody implements CanActivate {
    canActivate(): boolean {
      return false;
    }
  }

  class Order {
    readonly id!: string;
  }

  @Controller()
  class Refusing {
    @UseGuards(Nobody)
    @EventPattern('orders.guarded')
    guarded(_data: unknown): void {
      throw new Error('not reached');
    }

    @EventPattern('orders.invalid')
    invalid(@Payload() _order: Order): void {
      throw new BadRequestException('no order');
    }
  }

  it('by a guard, or as an HttpException that blames the message, makes a dead letter at once', async () => {
    const bridge = await bootBridge({ controllers: [Refusing] });
    await emit(bridge, 'orders.guarded', { id: 'o-1' });
    await emit(bridge, 'orders.invalid', { id: 'o-1' });
    const deadLetters = await deadLettersOf(bridge.app, 2);
    expect(
      deadLetters.map(({ reason, attempts, error }) => ({ reason, attempts, type: error.type })),
    ).toEqual(
      expect.arrayContaining([
        { reason: 'rejected', attempts: 1, type: 'ForbiddenException' },
        { reason: 'rejected', attempts: 1, type: 'BadRequestException' },
      ]),
    );
  });
});

describe('enhancers of the microservice', () => {
  it('are those that configure adds, and none of the host', async () => {
    const lines: string[] = [];
    @Controller()
    class Plain {
      @EventPattern('orders.plain')
      on(@Payload() { id }: { id: string }): void {
        lines.push(id);
      }
    }
    const bridge = await bootBridge(
      { controllers: [Plain] },
      {
        configure: (microservice) =>
          microservice.useGlobalPipes({
            transform: (value: unknown) =>
              typeof value === 'object' && value !== null && 'id' in value ? { id: 'piped' } : value,
          }),
      },
    );
    await emit(bridge, 'orders.plain', { id: 'o-1' });
    await eventually(() => lines[0]);
    expect(lines).toEqual(['piped']);
  });
});

describe('the context', () => {
  it('knows the message, retries and ends it, and has no channel', async () => {
    const seen: unknown[] = [];
    @Controller()
    class Contexts {
      @EventPattern('orders.context', { backoff: SOON })
      on(@Ctx() context: SwitchyardContext): void {
        seen.push([
          context.getPattern(),
          context.getMessageId(),
          context.getHeaders()['x-tenant'],
          context.getMessage().key,
          context.getArgs().length,
          context.getArgByIndex(0) === context.getMessage(),
          context.signal.aborted,
          context.getTopic() === context.getChannel(),
          context.getMetadata(),
        ]);
        if (context.getAttempt() < 2) context.retry({ delayMs: 1 });
        else context.terminate('enough');
      }

      @EventPattern('orders.acked', { backoff: SOON })
      acked(@Ctx() context: { getChannelRef(): { ack(): void } }): void {
        context.getChannelRef().ack();
      }
    }
    const bridge = await bootBridge({ controllers: [Contexts] });
    bridge.client.setOnDispatchHook((packet) => {
      (packet as { metadata?: unknown }).metadata = { trace: 't-1' };
    });
    const record = new SwitchyardRecordBuilder({ id: 'o-1' })
      .setKey('k-1')
      .setHeaders({ 'x-tenant': 'acme' })
      .setMessageId('m-1')
      .setDelay(1)
      .setTimeout(5_000)
      .build();
    await expect(emit(bridge, 'orders.context', record)).resolves.toMatchObject({
      messageId: 'm-1',
      status: 'accepted',
    });
    const expected = ['orders.context', 'm-1', 'acme', 'k-1', 1, true, false, true, { trace: 't-1' }];
    const [ended] = await deadLettersOf(bridge.app);
    expect(seen).toEqual([expected, expected]);
    expect(ended).toMatchObject({ reason: 'rejected', attempts: 2, error: { message: 'enough' } });

    await emit(bridge, 'orders.acked', { id: 'o-1' });
    const acked = (await deadLettersOf(bridge.app, 2)).find(({ topic }) => topic === 'orders.acked');
    expect(acked).toMatchObject({ attempts: 1, error: { type: 'PermanentError' } });
    expect(acked?.error.message).toMatch(/getChannelRef\(\) .* docs\/using\/nest-microservices\.md/);
  });
});

describe('a message of a client of Nest', () => {
  it('becomes a dead letter, and does not reach the handler as if it were a payload', async () => {
    const calls: unknown[] = [];
    @Controller()
    class Foreign {
      @EventPattern('orders.foreign')
      on(@Payload() payload: unknown): void {
        calls.push(payload);
      }
    }
    const { app } = await bootBridge({ controllers: [Foreign] });
    const [transport] = app.get<MessagingView>(MESSAGING_VIEW).transports();
    const packet = { pattern: 'orders.foreign', data: { id: 'o-1' } };
    const message = { id: 'm-1', headers: {}, body: Buffer.from(JSON.stringify(packet)) };
    await transport?.publish({ topic: 'orders.foreign' }, [message], { deadlineMs: 5_000 });
    const [deadLetter] = await deadLettersOf(app);
    expect(deadLetter).toMatchObject({ reason: 'rejected', attempts: 1 });
    expect(deadLetter?.error.message).toContain("a packet of a client of Nest's own transport");
    expect(calls).toEqual([]);
  });
});

describe('SwitchyardClient', () => {
  it('reports an emit that fails and has no subscriber', async () => {
    const { app, client, events } = await bootBridge({});
    client.emit('not a name', { id: 'o-1' });
    client.emit('orders.null', null);
    client.emit({ cmd: { nested: 1 } }, { id: 'o-1' });
    client.emit('orders.big', { text: 'x'.repeat(5_000_000) });
    await eventually(() => events.filter(({ type }) => type === 'publish-failed').length === 4 || undefined);
    const rejected = events.flatMap((event) =>
      event.type === 'publish-rejected' ? [`${event.topic} ${event.errorCode}`] : [],
    );
    expect(rejected.toSorted()).toEqual([
      '"not a name" TOPIC_INVALID',
      'orders.big MESSAGE_TOO_LARGE',
      'orders.null PAYLOAD_INVALID',
      '{"cmd":{"nested":1}} TOPIC_INVALID',
    ]);
    expect(app.get(SwitchyardClient)).toBeInstanceOf(SwitchyardClient);
  });

  it('emits before there is a subscriber, once, and gives the receipt to all who do later', async () => {
    const { client, events } = await bootBridge({});
    const emitted = client.emit('orders.once', { id: 'o-1' });
    await eventually(() => events.find(({ type }) => type === 'published'));
    await expect(lastValueFrom(emitted)).resolves.toMatchObject({ status: 'accepted', transport: 'main' });
    await lastValueFrom(emitted);
    expect(events.filter(({ type }) => type === 'published')).toHaveLength(1);
  });
});

describe('server and client', () => {
  it('report the status of transports, their events, and the view of the application', async () => {
    const { app, client } = await bootBridge({});
    const server = app.get(SwitchyardServer);
    const view = app.get<MessagingView>(MESSAGING_VIEW);
    expect(server.unwrap()).toBe(view);
    expect(client.unwrap()).toBe(view);
    const seen: string[] = [];
    server.status.subscribe((status) => seen.push(`server ${status}`));
    client.status.subscribe((status) => seen.push(`client ${status}`));
    server.on('disconnected', (_event, transport) => void seen.push(`on ${transport}`));
    await client.connect();
    await app.close();
    expect(seen.toSorted()).toEqual(['client disconnected', 'on main', 'server disconnected']);
  });

  it('call the hooks around processing, the last one when the handler has ended', async () => {
    const lines: string[] = [];
    @Controller()
    class Hooked {
      @EventPattern('orders.hooked')
      on(_data: unknown): void {
        lines.push('handler');
      }
    }
    const bridge = await bootBridge({ controllers: [Hooked] });
    const server = bridge.app.get(SwitchyardServer);
    server.setOnProcessingStartHook((_transport, context, done) => {
      lines.push(`start ${(context as SwitchyardContext).getPattern()}`);
      return done();
    });
    server.setOnProcessingEndHook(() => lines.push('end'));
    await emit(bridge, 'orders.hooked', { id: 'o-1' });
    await eventually(() => lines.length === 3 || undefined);
    expect(lines).toEqual(['start orders.hooked', 'handler', 'end']);
  });
});

describe('stopping', () => {
  it.each([
    ['a hybrid application', bootBridge],
    ['a pure microservice', bootPureBridge],
  ])('%s lets running handlers end, whose clients still publish', async (_what, boot) => {
    const lines: string[] = [];
    @Controller()
    class Slow {
      constructor(private readonly client: SwitchyardClient) {}

      @EventPattern('orders.slow')
      async on(_data: unknown): Promise<void> {
        lines.push('begins');
        await new Promise((resolve) => setTimeout(resolve, 300));
        await lastValueFrom(this.client.emit('orders.after', { id: 'o-1' }));
        lines.push('ends');
      }
    }
    const { app, client } = await boot({ controllers: [Slow] });
    client.emit('orders.slow', { id: 'o-1' });
    await eventually(() => lines[0]);
    await app.close();
    expect(lines).toEqual(['begins', 'ends']);
  });

  it('begins with the server, so that clients that Nest closes after it are there for handlers', async () => {
    const lines: string[] = [];
    @Controller()
    class Slow {
      @EventPattern('orders.slow')
      async on(_data: unknown): Promise<void> {
        lines.push('begins');
        await new Promise((resolve) => setTimeout(resolve, 200));
        lines.push('ends');
      }
    }
    const { app, client } = await bootPureBridge({ controllers: [Slow] });
    client.emit('orders.slow', { id: 'o-1' });
    await eventually(() => lines[0]);
    await app.get(SwitchyardServer).close();
    expect(lines).toEqual(['begins', 'ends']);
  });
});

describe('operators', () => {
  const data = temporaryDirectory();
  afterAll(() => data.remove());

  it('see the handlers in the registry, the admin API, health and metrics as all others', async () => {
    @Controller()
    class Billing {
      @EventPattern('orders.placed', { attempts: 1, concurrency: 3, group: 'billing' })
      on(_data: unknown): void {
        throw new OutOfStock('none left');
      }
    }
    const surfaces = [
      MessagingAdminModule.forRoot({ authorizer }),
      HealthModule.forRoot(),
      MetricsModule.forRoot(),
    ];
    const { app, client } = await bootBridge(
      { imports: surfaces, controllers: [Billing] },
      { transport: { kind: 'embedded', directory: data.path } },
    );
    const to = { topic: 'orders.placed', group: 'billing', handler: 'Billing.on' };
    expect(app.get<MessagingView>(MESSAGING_VIEW).subscriptions()).toMatchObject([{ to, concurrency: 3 }]);
    client.emit('orders.placed', { id: 'o-1' });
    await deadLettersOf(app);
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    const shownAt = async (path: string): Promise<string> =>
      (await fetch(url + path, { headers: { authorization: 'Bearer viewer' } })).text();
    expect(await shownAt('/messaging/api/v1/groups')).toContain('"group":"billing"');
    expect(await shownAt('/messaging/api/v1/dead-letters')).toContain('Billing.on');
    expect(await shownAt('/health')).toContain('"status":"ok"');
    expect(await shownAt('/metrics')).toMatch(
      /messaging_dead_lettered_messages_total{[^}]*group="billing"[^}]*} 1/,
    );
  });
});
