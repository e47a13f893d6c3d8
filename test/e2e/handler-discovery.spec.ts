import { type CanActivate, Injectable, Module, Scope, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import { defineMessage, MessageHandler, type MessageHandlerOptions } from '../../src/core/messaging/index.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps } from '../support/messaging-app.js';

const Ping = defineMessage('ping', z.object({ n: z.number() }));
const options = (group: string): MessageHandlerOptions => ({ group });

afterEach(closeApps);

/** What a decorator above or below does that puts a function of its own in the place of the method. */
const Wrapped =
  (calls: string[]): MethodDecorator =>
  (_, __, descriptor) => {
    const original = descriptor.value as unknown as (...args: unknown[]) => unknown;
    descriptor.value = function (this: unknown, ...args: unknown[]) {
      calls.push('wrapper');
      return original.apply(this, args);
    } as never;
  };

/** What TypeScript calls for a member that a test makes in a way that the types of the decorator forbid. */
function decorate(owner: object, property: string | symbol): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, property);
  (MessageHandler(Ping) as unknown as MethodDecorator)(owner, property, descriptor as never);
}

describe('a decorated method is found', () => {
  it('above and below a decorator that wraps it, in a subclass that overrides it, and on an object literal', async () => {
    const calls: string[] = [];
    @Injectable()
    class Orders {
      @Wrapped(calls)
      @MessageHandler(Ping, options('above'))
      above(): void {
        calls.push('above');
      }
      @MessageHandler(Ping, options('below'))
      @Wrapped(calls)
      below(): void {
        calls.push('below');
      }
    }
    class Parent {
      @MessageHandler(Ping, options('override'))
      on(): void {
        calls.push('parent');
      }
    }
    @Injectable()
    class Child extends Parent {
      override on(): void {
        calls.push('child');
      }
    }
    const literal = { on: () => calls.push('literal') };
    decorate(literal, 'on');
    const { messaging } = await bootApp({
      providers: [Orders, Child, { provide: 'LITERAL', useValue: literal }],
    });
    await messaging.publish(Ping, { n: 1 });
    await eventually(() => calls.length === 6 || undefined);
    expect(calls.sort()).toEqual(['above', 'below', 'child', 'literal', 'wrapper', 'wrapper']);
  });

  it('on what a factory makes, also for a request when the token says what that is', async () => {
    const calls: string[] = [];
    class Orders {
      constructor(private readonly name: string) {}
      @MessageHandler(Ping, options('one'))
      on(): void {
        calls.push(this.name);
      }
    }
    class Invoices {
      @MessageHandler(Ping, options('two'))
      on(): void {
        calls.push('per message');
      }
    }
    const { messaging } = await bootApp({
      providers: [
        { provide: 'ORDERS', useFactory: () => new Orders('once') },
        { provide: Invoices, scope: Scope.REQUEST, useFactory: () => new Invoices() },
      ],
    });
    await messaging.publish(Ping, { n: 1 });
    await eventually(() => calls.length === 2 || undefined);
    expect(calls.sort()).toEqual(['once', 'per message']);
  });
});

describe('a decorated method that Nest cannot call is a mistake at boot that names it', () => {
  it.each<[string, RegExp, () => new () => object]>([
    [
      'static',
      /Handler Orders\.on is a static method.*Remove "static"/,
      () => {
        class Orders {
          static on(): void {}
        }
        decorate(Orders, 'on');
        return Orders;
      },
    ],
    [
      'a symbol',
      /Handler Orders\.Symbol\(on\) is named by a symbol\. Give it a name/,
      () => {
        const on = Symbol('on');
        class Orders {
          [on](): void {}
        }
        decorate(Orders.prototype, on);
        return Orders;
      },
    ],
    [
      'a getter',
      /Handler Orders\.on is a getter\. Make it a method/,
      () => {
        class Orders {
          get on(): () => void {
            return () => undefined;
          }
        }
        decorate(Orders.prototype, 'on');
        return Orders;
      },
    ],
    [
      'a field',
      /Handler Orders\.on is a property and not a method/,
      () => {
        class Orders {
          readonly on = 'text';
        }
        decorate(Orders.prototype, 'on');
        return Orders;
      },
    ],
    [
      'a generator',
      /Handler Orders\.on is a generator function.*Make it an async method/,
      () => {
        class Orders {
          *on(): Generator<number> {
            yield 1;
          }
        }
        decorate(Orders.prototype, 'on');
        return Orders;
      },
    ],
    [
      'an async generator',
      /Handler Orders\.on is a generator function/,
      () => {
        class Orders {
          async *on(): AsyncGenerator<number> {
            yield 1;
          }
        }
        decorate(Orders.prototype, 'on');
        return Orders;
      },
    ],
    [
      'of TRANSIENT scope',
      /Handler Orders\.on is a method of a provider of TRANSIENT scope.*Use the default scope, or REQUEST/,
      () => {
        @Injectable({ scope: Scope.TRANSIENT })
        class Orders {
          on(): void {}
        }
        decorate(Orders.prototype, 'on');
        return Orders;
      },
    ],
  ])('%s', async (_, sentence, make) => {
    await expect(bootApp({ providers: [make()] })).rejects.toThrow(sentence);
  });

  it('on a guard', async () => {
    @Injectable()
    class Gate implements CanActivate {
      canActivate(): boolean {
        return true;
      }
      @MessageHandler(Ping)
      on(): void {}
    }
    @Injectable()
    class Orders {
      @UseGuards(Gate)
      list(): void {}
    }
    await expect(bootApp({ providers: [Orders] })).rejects.toThrow(
      /Handler Gate\.on is a method of a guard, pipe, interceptor or filter\. Move it to a provider/,
    );
  });
});

describe('options that are computed from other providers', () => {
  const GROUP = 'GROUP';
  const computed = (inject: unknown[]): MethodDecorator =>
    MessageHandler(Ping, {
      inject: inject as never,
      useFactory: (group?: string) => ({ group: group ?? 'without' }),
    }) as MethodDecorator;

  it('resolve their tokens in the module of the handler, and optional ones may be missing', async () => {
    const calls: string[] = [];
    @Injectable()
    class Orders {
      on(): void {
        calls.push('orders');
      }
    }
    computed([GROUP])(Orders.prototype, 'on', {});
    @Injectable()
    class Invoices {
      on(): void {
        calls.push('invoices');
      }
    }
    computed([GROUP])(Invoices.prototype, 'on', {});
    @Injectable()
    class Audit {
      on(): void {
        calls.push('audit');
      }
    }
    computed([{ token: 'MISSING', optional: true }])(Audit.prototype, 'on', {});
    @Module({ providers: [{ provide: GROUP, useValue: 'a' }], exports: [GROUP] })
    class Exporting {}
    @Module({ imports: [Exporting], providers: [Orders] })
    class Importing {}
    @Module({ providers: [Invoices, { provide: GROUP, useValue: 'b' }] })
    class Own {}
    const { messaging, events } = await bootApp({ imports: [Importing, Own], providers: [Audit] });
    await messaging.publish(Ping, { n: 1 });
    await eventually(() => calls.length === 3 || undefined);
    const groups = events.flatMap((event) =>
      event.type === 'handled' ? [`${event.to.handler} ${event.to.group}`] : [],
    );
    expect(groups.sort()).toEqual(['Audit.on without', 'Invoices.on b', 'Orders.on a']);
  });

  it('are a mistake at boot that names handler and token when a token that they need is missing', async () => {
    @Injectable()
    class Orders {
      on(): void {}
    }
    computed([GROUP])(Orders.prototype, 'on', {});
    await expect(bootApp({ providers: [Orders] })).rejects.toThrow(
      /Handler Orders\.on: its options cannot be computed\. .*options of Orders\.on.*GROUP/s,
    );
  });
});
