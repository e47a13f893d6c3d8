import {
  type ArgumentsHost,
  Body,
  type CallHandler,
  type CanActivate,
  Catch,
  ConflictException,
  Controller,
  type ExceptionFilter,
  Headers,
  HttpException,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
  Scope,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { EMPTY, interval, NEVER, Observable, take, tap, throwError } from 'rxjs';
import { z } from 'zod';
import { defineMessage, MessageContext, MessageHandler } from '../../src/core/messaging/index.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps, type MessagingApp } from '../support/messaging-app.js';

const Ping = defineMessage('ping', z.object({ n: z.number() }));
const QUICKLY = { type: 'fixed', delayMs: 1 } as const;

afterEach(closeApps);

/** What became of one message: how its only handler ended, and how often it ran. */
async function outcomeOf({ messaging, events }: MessagingApp): Promise<string> {
  await messaging.publish(Ping, { n: 1 }, { headers: { 'x-tenant': 'acme' } });
  const last = await eventually(() =>
    events.find(
      (event) => event.type === 'handled' || (event.type === 'failed' && event.disposition !== 'retry'),
    ),
  );
  if (last.type === 'handled') return 'handled';
  return last.type === 'failed' ? `${last.reason} after ${last.attempt}: ${last.error.message}` : '';
}

class Logged implements NestInterceptor {
  intercept(_: unknown, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(tap(() => undefined));
  }
}

describe('what a handler returns is run to its end before the acknowledgement', () => {
  const ends = (ran: string[]): Record<string, () => unknown> => ({
    'a cold Observable': () =>
      new Observable((subscriber) => {
        setTimeout(() => {
          ran.push('end');
          subscriber.complete();
        }, 20);
      }),
    'an Observable of several values': () =>
      interval(5).pipe(take(3), tap({ complete: () => ran.push('end') })),
    'a promise of an Observable': async () => EMPTY.pipe(tap({ complete: () => ran.push('end') })),
    'an iterator': () =>
      (function* () {
        yield new Promise((resolve) => setTimeout(resolve, 5));
        ran.push('end');
      })(),
    'an asynchronous iterator': () =>
      (async function* () {
        yield 1;
        ran.push('end');
      })(),
    'a thenable': () => ({
      then: (resolve: () => void) => {
        ran.push('end');
        resolve();
        resolve();
      },
    }),
  });

  it.each(
    Object.keys(ends([])).flatMap((kind) => [false, true].map((enhanced) => [kind, enhanced] as const)),
  )('%s (with an interceptor: %s)', async (kind, enhanced) => {
    const ran: string[] = [];
    @Injectable()
    class Pings {
      @MessageHandler(Ping, { attempts: 1 })
      on(): unknown {
        return ends(ran)[kind]?.();
      }
    }
    if (enhanced) UseInterceptors(Logged)(Pings);
    expect(await outcomeOf(await bootApp({ providers: [Pings] }))).toBe('handled');
    expect(ran).toEqual(['end']);
  });

  it.each([
    ['an Observable that fails', () => throwError(() => new Error('inside'))],
    ['a promise of one', async () => throwError(() => new Error('inside'))],
    [
      'a thenable whose then throws',
      () => ({
        then: () => {
          throw new Error('inside');
        },
      }),
    ],
  ])('%s fails the attempt', async (_, result) => {
    @Injectable()
    class Pings {
      @MessageHandler(Ping, { attempts: 1 })
      on(): unknown {
        return result();
      }
    }
    expect(await outcomeOf(await bootApp({ providers: [Pings] }))).toBe('handler_error after 1: inside');
  });

  it('and an Observable is unsubscribed when the time of the handler is up', async () => {
    let isUnsubscribed = false;
    @Injectable()
    class Pings {
      @MessageHandler(Ping, { attempts: 1, timeoutMs: 20 })
      on(): Observable<never> {
        return NEVER.pipe(tap({ unsubscribe: () => (isUnsubscribed = true) }));
      }
    }
    expect(await outcomeOf(await bootApp({ providers: [Pings] }))).toMatch(/^timeout after 1/);
    expect(isUnsubscribed).toBe(true);
  });

  it('and an interceptor may answer with an Observable without a value', async () => {
    class Skip implements NestInterceptor {
      intercept(): Observable<never> {
        return EMPTY;
      }
    }
    @Injectable()
    class Pings {
      @UseInterceptors(Skip)
      @MessageHandler(Ping, { attempts: 1 })
      on(): void {
        throw new Error('never called');
      }
    }
    expect(await outcomeOf(await bootApp({ providers: [Pings] }))).toBe('handled');
  });
});

describe('an HttpException', () => {
  const thrown = (error: Error, errors: object = {}) => {
    @Injectable()
    class Pings {
      @MessageHandler(Ping, { attempts: 2, backoff: QUICKLY, ...errors })
      on(): void {
        throw error;
      }
    }
    return bootApp({ providers: [Pings] });
  };

  it.each([400, 401, 403, 404, 422])('of status %i is a dead letter at once', async (status) => {
    expect(await outcomeOf(await thrown(new HttpException('no', status)))).toBe('rejected after 1: no');
  });

  it.each([408, 409, 423, 425, 429, 500, 503])('of status %i is retried', async (status) => {
    expect(await outcomeOf(await thrown(new HttpException('no', status)))).toBe('handler_error after 2: no');
  });

  it('follows a rule of the handler first', async () => {
    const rules = { errors: [{ match: UnauthorizedException, action: 'retry' }] };
    expect(await outcomeOf(await thrown(new UnauthorizedException(), rules))).toBe(
      'handler_error after 2: Unauthorized',
    );
  });

  it('of a guard that refuses is a dead letter at once', async () => {
    class Deny implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    @Injectable()
    class Pings {
      @UseGuards(Deny)
      @MessageHandler(Ping, { attempts: 5 })
      on(): void {}
    }
    expect(await outcomeOf(await bootApp({ providers: [Pings] }))).toBe(
      'rejected after 1: Forbidden resource',
    );
  });
});

describe('an exception filter', () => {
  const filtered = (result: unknown) => {
    @Catch(ConflictException)
    class Filter implements ExceptionFilter {
      catch(): unknown {
        return result instanceof Error ? Promise.reject(result) : result;
      }
    }
    @Injectable()
    class Pings {
      @UseFilters(Filter)
      @MessageHandler(Ping, { attempts: 1 })
      on(): void {
        throw new ConflictException('taken');
      }
    }
    return bootApp({ providers: [Pings] });
  };

  it.each([
    ['a value', 'dealt with', 'handled'],
    ['a promise of a value', Promise.resolve('dealt with'), 'handled'],
    ['nothing', undefined, 'handler_error after 1: taken'],
    ['a promise of nothing', Promise.resolve(), 'handler_error after 1: taken'],
    ['a rejection', new Error('of the filter'), 'handler_error after 1: of the filter'],
  ])('that answers with %s', async (_, result, outcome) => {
    expect(await outcomeOf(await filtered(result))).toBe(outcome);
  });
});

describe('parameters', () => {
  it('pick a property of the payload and a header', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Pings {
      @MessageHandler('ping', { attempts: 1 })
      on(@Body('n') n: never, @Headers('X-Tenant') tenant: never): void {
        seen.push(n, tenant);
      }
    }
    expect(await outcomeOf(await bootApp({ providers: [Pings] }))).toBe('handled');
    expect(seen).toEqual([1, 'acme']);
  });
});

describe('a method that was replaced after the boot', () => {
  it.each([
    ['without enhancers', false],
    ['with the guards of the original', true],
  ])('is called, %s', async (_, guarded) => {
    const calls: string[] = [];
    class Watch implements CanActivate {
      canActivate(context: ArgumentsHost): boolean {
        calls.push(`guard ${context.getType()}`);
        return true;
      }
    }
    @Injectable()
    class Pings {
      @MessageHandler(Ping, { attempts: 1 })
      on(): void {
        calls.push('original');
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Pings.prototype, 'on')!;
    if (guarded) UseGuards(Watch)(Pings.prototype, 'on', descriptor);
    const booted = await bootApp({ providers: [Pings] });
    jest.spyOn(booted.app.get(Pings), 'on').mockImplementation(() => void calls.push('spy'));
    expect(await outcomeOf(booted)).toBe('handled');
    expect(calls).toEqual(guarded ? ['guard messaging', 'spy'] : ['spy']);
  });

  it('without its guards, by a decorator above, is a mistake at boot', async () => {
    class Deny implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    const Dropping: MethodDecorator = (_, __, descriptor) => {
      descriptor.value = (() => undefined) as never;
    };
    @Injectable()
    class Pings {
      @Dropping
      @UseGuards(Deny)
      @MessageHandler(Ping)
      on(): void {}
    }
    await expect(bootApp({ providers: [Pings] })).rejects.toThrow(
      /Handler Pings\.on was replaced by a function without its guards/,
    );
  });
});

describe('enhancers that are not of the default scope', () => {
  @Injectable()
  class Dependency {
    readonly isThere = true;
  }

  it.each([
    ['REQUEST', Scope.REQUEST],
    ['TRANSIENT', Scope.TRANSIENT],
  ])('of %s scope are made with what they inject, bound or global', async (_, scope) => {
    const ran: string[] = [];
    const note = (name: string, dependency: Dependency | undefined): void => {
      if (dependency?.isThere) ran.push(name);
    };
    @Injectable({ scope })
    class Gate implements CanActivate {
      constructor(private readonly dependency: Dependency) {}
      canActivate(): boolean {
        note('guard', this.dependency);
        return true;
      }
    }
    @Injectable({ scope })
    class Pipe implements PipeTransform {
      constructor(private readonly dependency: Dependency) {}
      transform(value: unknown): unknown {
        if (!(value instanceof MessageContext)) note('pipe', this.dependency);
        return value;
      }
    }
    @Injectable({ scope })
    class Around extends Logged {
      constructor(private readonly dependency: Dependency) {
        super();
      }
      override intercept(context: unknown, next: CallHandler): Observable<unknown> {
        note('interceptor', this.dependency);
        return super.intercept(context, next);
      }
    }
    @Catch()
    @Injectable({ scope })
    class Filter implements ExceptionFilter {
      constructor(private readonly dependency: Dependency) {}
      catch(): string {
        note('filter', this.dependency);
        return 'dealt with';
      }
    }
    class Handler {
      @UseGuards(Gate)
      @MessageHandler('ping', { attempts: 1 })
      on(@Body() _: never): void {
        throw new Error('for the filter');
      }
    }
    for (const hosts of [{ providers: [Handler] }, { controllers: [Handler], providers: [] }]) {
      if (hosts.controllers) Controller()(Handler);
      const booted = await bootApp(
        {
          ...hosts,
          providers: [
            ...hosts.providers,
            Dependency,
            { provide: APP_GUARD, scope, useClass: Gate },
            { provide: APP_PIPE, scope, useClass: Pipe },
            { provide: APP_INTERCEPTOR, scope, useClass: Around },
            { provide: APP_FILTER, scope, useClass: Filter },
          ],
        },
        { globalEnhancers: true },
      );
      expect(await outcomeOf(booted)).toBe('handled');
      expect(ran.splice(0)).toEqual(['guard', 'guard', 'interceptor', 'pipe', 'filter']);
    }
  });
});
