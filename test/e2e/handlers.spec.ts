import {
  ArgumentMetadata,
  CallHandler,
  CanActivate,
  Catch,
  Controller,
  createParamDecorator,
  ExceptionFilter,
  ExecutionContext,
  Inject,
  Injectable,
  NestInterceptor,
  PipeTransform,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import {
  APP_GUARD,
  type ContextId,
  ContextIdFactory,
  type ContextIdStrategy,
  type HostComponentInfo,
  REQUEST,
} from '@nestjs/core';
import { IsInt, IsString } from 'class-validator';
import { map, type Observable, of, tap } from 'rxjs';
import { z } from 'zod';
import {
  defineMessage,
  dtoSchema,
  MessageContext,
  MessageHandler,
  MessagingModule,
  MessagingService,
  type PayloadOf,
} from '../../src/core/messaging/index.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps } from '../support/messaging-app.js';

const OrderPlaced = defineMessage('orders.placed', z.object({ id: z.string() }), {
  key: (order) => order.id,
});
const InvoiceSent = defineMessage('invoices.sent', z.object({ id: z.string() }));
type Order = PayloadOf<typeof OrderPlaced>;

@Injectable()
class Log {
  readonly lines: string[] = [];
}

@Injectable()
class Gate implements CanActivate {
  constructor(private readonly log: Log) {}
  canActivate(context: ExecutionContext): boolean {
    const [order] = context.getArgs<[Order]>();
    this.log.lines.push(
      `guard ${context.getType()} ${context.getClass().name}.${context.getHandler().name} ${order.id}`,
    );
    return order.id !== 'forbidden';
  }
}

@Injectable()
class Shout implements PipeTransform {
  constructor(private readonly log: Log) {}
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (value instanceof MessageContext) return value;
    this.log.lines.push(`pipe ${type} ${metatype?.name ?? ''}`);
    return { id: (value as Order).id.toUpperCase() };
  }
}

@Injectable()
class Wrap implements NestInterceptor {
  constructor(private readonly log: Log) {}
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    this.log.lines.push('before');
    return next.handle().pipe(tap(() => this.log.lines.push('after')));
  }
}

@Catch(RangeError)
class Swallow implements ExceptionFilter {
  catch(): string {
    return 'handled by the filter';
  }
}

const Tenant = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.getArgs<[Order, MessageContext]>()[1].headers['tenant'],
);

afterEach(closeApps);

describe('a handler', () => {
  it('handles what arrives under an earlier name of its type', async () => {
    const Confirmed = defineMessage('orders.confirmed', z.object({ id: z.string() }));
    const Accepted = defineMessage('orders.accepted', z.object({ id: z.string().toUpperCase() }), {
      aliases: ['orders.confirmed'],
    });
    @Injectable()
    class Orders {
      constructor(private readonly log: Log) {}
      @MessageHandler(Accepted)
      on({ id }: Order, { topic }: MessageContext): void {
        this.log.lines.push(`${id} ${topic}`);
      }
    }
    const { app, messaging } = await bootApp({ providers: [Orders, Log] });
    const { lines } = app.get(Log);
    await messaging.publish(Confirmed, { id: 'before' });
    await messaging.publish(Accepted, { id: 'after' });
    await eventually(() => lines.length === 2 || undefined);
    expect(lines.sort()).toEqual(['AFTER orders.accepted', 'BEFORE orders.confirmed']);
  });

  it('on a controller runs inside its guards, pipes and interceptors, with context type "messaging"', async () => {
    @Controller()
    @UseGuards(Gate)
    class Orders {
      constructor(private readonly log: Log) {}
      @MessageHandler(OrderPlaced)
      @UsePipes(Shout)
      @UseInterceptors(Wrap)
      on(order: Order, context: MessageContext): void {
        this.log.lines.push(`${order.id} ${context.topic}`);
      }
    }
    const { app, messaging } = await bootApp({ controllers: [Orders], providers: [Log] });
    const { lines } = app.get(Log);
    await messaging.publish(OrderPlaced, { id: 'o-1' });
    await eventually(() => lines.includes('after') || undefined);
    expect(lines).toEqual([
      'guard messaging Orders.on o-1',
      'before',
      'pipe body Object',
      'O-1 orders.placed',
      'after',
    ]);
  });

  it('that a guard refuses is a failure, and a filter can turn a failure into success', async () => {
    @Injectable()
    class Orders {
      constructor(readonly log: Log) {}
      @MessageHandler(OrderPlaced, { attempts: 1, group: 'guarded' })
      @UseGuards(Gate)
      guarded(): void {
        this.log.lines.push('ran');
      }
      @MessageHandler(OrderPlaced, { attempts: 1, group: 'filtered' })
      @UseFilters(Swallow)
      filtered(): void {
        throw new RangeError('out of range');
      }
    }
    const { app, messaging, deadLetters, events } = await bootApp({ providers: [Orders, Log] });
    await messaging.publish(OrderPlaced, { id: 'forbidden' });
    await eventually(async () => ((await deadLetters.count({})) === 1 ? true : undefined));
    await eventually(() => events.find((event) => event.type === 'handled' && event.to.group === 'filtered'));
    expect((await deadLetters.list({}, { limit: 10 })).items).toMatchObject([
      { group: 'guarded', error: { type: 'ForbiddenException' } },
    ]);
    expect(app.get(Log).lines).not.toContain('ran');
  });

  it('is left alone by global enhancers unless they are asked for', async () => {
    @Injectable()
    class Orders {
      constructor(readonly log: Log) {}
      @MessageHandler(OrderPlaced)
      on(): void {
        this.log.lines.push('ran');
      }
    }
    for (const globalEnhancers of [false, true]) {
      const providers = [Orders, Log, { provide: APP_GUARD, useClass: Gate }];
      const { app, messaging } = await bootApp({ providers }, { globalEnhancers });
      await messaging.publish(OrderPlaced, { id: 'o-1' });
      const { lines } = app.get(Log);
      await eventually(() => lines.includes('ran') || undefined);
      expect(lines).toEqual(globalEnhancers ? ['guard messaging Orders.on o-1', 'ran'] : ['ran']);
    }
  });

  it('of REQUEST scope gets an instance a message, with the message context as its request', async () => {
    const seen: string[] = [];
    let instances = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Orders {
      constructor(@Inject(REQUEST) private readonly request: MessageContext) {
        instances++;
      }
      @MessageHandler(OrderPlaced)
      on(order: Order): void {
        seen.push(`${order.id} ${this.request.messageId}`);
      }
    }
    const { messaging } = await bootApp({ providers: [Orders] });
    await messaging.publish(OrderPlaced, { id: 'a' }, { messageId: 'm-1' });
    await messaging.publish(OrderPlaced, { id: 'b' }, { messageId: 'm-2' });
    await eventually(() => seen.length === 2 || undefined);
    expect(seen.sort()).toEqual(['a m-1', 'b m-2']);
    expect(instances).toBe(2);
  });

  describe('with a strategy for context ids', () => {
    const tenants = new Map<string, ContextId>();

    /** One context a tenant for what is durable, as Nest's documentation has it for HTTP. */
    const byTenant: ContextIdStrategy<{ headers: Record<string, string> }> = {
      attach: (contextId, { headers }) => {
        const tenant = headers['tenant'] ?? 'none';
        const shared = tenants.get(tenant) ?? ContextIdFactory.create();
        tenants.set(tenant, shared);
        return {
          resolve: ({ isTreeDurable }: HostComponentInfo) => (isTreeDurable ? shared : contextId),
          payload: { tenant, topic: 'overridden' },
        };
      },
    };

    beforeEach(() => ContextIdFactory.apply(byTenant));
    afterEach(() => {
      ContextIdFactory.apply(undefined as unknown as ContextIdStrategy);
      tenants.clear();
    });

    it.each([
      ['durable', true, 2, ['acme', 'bolt']],
      ['of REQUEST scope', false, 4, ['acme', 'acme', 'bolt', 'bolt']],
    ])('that is %s shares its providers accordingly', async (_, durable, pools, tenantsOfPools) => {
      const seen: string[] = [];
      let runs = 0;
      @Injectable({ scope: Scope.REQUEST, durable })
      class Pool {
        constructor(@Inject(REQUEST) request: { tenant: string }) {
          seen.push(request.tenant);
        }
      }
      @Injectable({ scope: Scope.REQUEST, durable })
      class Orders {
        constructor(readonly pool: Pool) {}
        @MessageHandler(OrderPlaced)
        on(): void {
          runs++;
        }
      }
      const { messaging } = await bootApp({ providers: [Pool, Orders] });
      for (const [index, tenant] of ['acme', 'bolt', 'acme', 'bolt'].entries())
        await messaging.publish(OrderPlaced, { id: `o-${index}` }, { headers: { tenant } });
      await eventually(() => runs === 4 || undefined);
      expect(seen.sort()).toEqual(tenantsOfPools);
      expect(seen).toHaveLength(pools);
    });
  });

  it('may use custom parameter decorators and may return an observable', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Orders {
      @MessageHandler(OrderPlaced, { group: 'a' })
      on(order: Order, @Tenant() tenant: string): void {
        seen.push([order.id, tenant]);
      }
      @MessageHandler(OrderPlaced, { group: 'b' })
      stream(): Observable<number> {
        return of(1, 2).pipe(map((value) => seen.push(value)));
      }
    }
    const { messaging } = await bootApp({ providers: [Orders] });
    await messaging.publish(OrderPlaced, { id: 'o-1' }, { headers: { tenant: 'acme' } });
    await eventually(() => seen.length === 3 || undefined);
    expect(seen).toEqual(expect.arrayContaining([['o-1', 'acme'], 1, 2]));
  });

  it('passes correlation, causation and trace on to what it publishes', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    let context: MessageContext | undefined;
    @Injectable()
    class Chain {
      constructor(private readonly messaging: MessagingService) {}
      @MessageHandler(OrderPlaced)
      async first(order: Order): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve));
        await this.messaging.publish(InvoiceSent, { id: order.id });
      }
      @MessageHandler(InvoiceSent)
      second(_: Order, received: MessageContext): void {
        context = received;
      }
    }
    const { messaging } = await bootApp({ providers: [Chain] });
    await messaging.publish(OrderPlaced, { id: 'o-1' }, { messageId: 'm-1', headers: { traceparent } });
    const received = await eventually(() => context);
    expect([received.correlationId, received.causationId, received.source]).toEqual(['m-1', 'm-1', 'shop']);
    expect(received.headers['traceparent']).toBe(traceparent);
    expect(received.publishedAt?.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('takes options computed from other providers, and wildcards see types of feature modules', async () => {
    const seen: string[] = [];
    @Injectable()
    class Audit {
      @MessageHandler('**', {
        inject: ['AUDIT_GROUP'],
        useFactory: (group: string) => ({ group }),
      })
      on(_: unknown, context: MessageContext): void {
        seen.push(`${context.group} ${context.topic}`);
      }
    }
    const { messaging } = await bootApp({
      imports: [MessagingModule.forFeature([OrderPlaced, InvoiceSent])],
      providers: [Audit, { provide: 'AUDIT_GROUP', useValue: 'audit' }],
    });
    await messaging.publish(OrderPlaced, { id: 'o' });
    await messaging.publish(InvoiceSent, { id: 'i' });
    await eventually(() => seen.length === 2 || undefined);
    expect(seen.sort()).toEqual(['audit invoices.sent', 'audit orders.placed']);
  });

  it('gets instances of a class-validator DTO', async () => {
    class Payment {
      @IsString() id!: string;
      @IsInt() cents!: number;
    }
    const PaymentTaken = defineMessage('payments.taken', dtoSchema(Payment));
    const seen: unknown[] = [];
    @Injectable()
    class Payments {
      @MessageHandler(PaymentTaken)
      on(payment: Payment): void {
        seen.push(payment);
      }
    }
    const { messaging } = await bootApp({ providers: [Payments] });
    await messaging.publish(PaymentTaken, { id: 'p', cents: 5 });
    await eventually(() => seen.length === 1 || undefined);
    expect(seen[0]).toBeInstanceOf(Payment);
    await expect(messaging.publish(PaymentTaken, { id: 'p', cents: 0.5 })).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
      issues: [{ path: 'cents', message: expect.stringContaining('integer') }],
    });
  });

  it('that has handled a message within the window does not get a second copy', async () => {
    let runs = 0;
    @Injectable()
    class Once {
      @MessageHandler(OrderPlaced, { idempotencyWindowMs: 60_000 })
      on(): void {
        runs++;
      }
    }
    const { messaging, events } = await bootApp({ providers: [Once] });
    for (let copy = 0; copy < 3; copy++)
      await messaging.publish(OrderPlaced, { id: 'o' }, { messageId: 'same' });
    await eventually(
      () => events.filter((event) => event.type === 'duplicate-suppressed').length === 2 || undefined,
    );
    expect(runs).toBe(1);
  });
});

it('a handler whose first parameter does not fit the message does not compile', () => {
  class Misfit {
    // @ts-expect-error the payload is { id: string }, not a number
    @MessageHandler(OrderPlaced)
    on(_: number): void {
      throw new Error('never called');
    }
  }
  expect(Misfit).toBeDefined();
});
