import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Scope } from '@nestjs/common';
import { z } from 'zod';
import {
  currentMessage,
  defineMessage,
  type HandlerAround,
  type MessageContext,
  MessageHandler,
  MessagingService,
  type OutgoingMessage,
  type PublishHook,
} from '../../src/core/messaging/index.js';
import { wrapInvoke } from '../../src/core/messaging/handlers/around.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps } from '../support/messaging-app.js';

const Ping = defineMessage('ping', z.object({ n: z.number() }));
const Pong = defineMessage('pong', z.object({ n: z.number() }));

afterEach(closeApps);

@Injectable()
class Log {
  readonly lines: string[] = [];
}

@Injectable()
class Pings {
  constructor(private readonly log: Log) {}
  @MessageHandler(Ping, { attempts: 1 })
  async on({ n }: { n: number }): Promise<string> {
    await Promise.resolve();
    this.log.lines.push(`handler ${currentMessage()?.messageId ?? 'of nothing'}`);
    if (n === 2) throw new Error('two');
    return 'result';
  }
}

@Injectable()
class Outer implements HandlerAround {
  constructor(private readonly log: Log) {}
  async around({ topic }: MessageContext, next: () => Promise<unknown>): Promise<void> {
    this.log.lines.push(`before ${topic}`);
    try {
      this.log.lines.push(`after ${String(await next())}`);
    } catch (error) {
      this.log.lines.push(`failed ${(error as Error).message}`);
      throw error;
    }
  }
}

describe('around', () => {
  it('runs classes of the application and functions around a handler, the first outermost', async () => {
    const { app, messaging, events } = await bootApp(
      { providers: [Pings, Log, Outer] },
      {
        around: [
          Outer,
          (context, next) => {
            app.get(Log).lines.push(`inner ${context.attempt}`);
            return next();
          },
        ],
      },
    );
    await messaging.publish(Ping, { n: 1 }, { messageId: 'm-1' });
    await messaging.publish(Ping, { n: 2 }, { messageId: 'm-2' });
    await eventually(() => events.find(({ type }) => type === 'failed'));
    await eventually(() => events.find(({ type }) => type === 'handled'));
    const { lines } = app.get(Log);
    expect(lines.filter((line) => !line.includes('m-'))).toEqual(
      expect.arrayContaining(['before ping', 'inner 1', 'after result', 'failed two']),
    );
    expect(lines.filter((line) => line.startsWith('handler')).sort()).toEqual(['handler m-1', 'handler m-2']);
    expect(currentMessage()).toBeUndefined();
  });

  it('costs nothing without an entry: the handler itself is called', () => {
    const handler = (): string => 'result';
    expect(wrapInvoke(handler, [])).toBe(handler);
    expect(wrapInvoke(handler, [(_, next) => next()])).not.toBe(handler);
  });

  it('decides: what it throws fails the attempt, and without next the message is handled', async () => {
    const { app, messaging, events } = await bootApp(
      { providers: [Pings, Log] },
      {
        around: [
          async (context, next) => {
            if (context.messageId === 'skip') return;
            await next();
            await next();
          },
        ],
      },
    );
    await messaging.publish(Ping, { n: 1 }, { messageId: 'skip' });
    await messaging.publish(Ping, { n: 1 }, { messageId: 'twice' });
    const failed = await eventually(() => events.find(({ type }) => type === 'failed'));
    expect(failed).toMatchObject({ error: { message: expect.stringContaining('a second time') } });
    await eventually(() => events.find((event) => event.type === 'handled' && event.messageId === 'skip'));
    expect(app.get(Log).lines).toEqual(['handler twice']);
  });

  it('refuses the boot with a sentence about each entry that is wrong', async () => {
    class Forgotten {}
    @Injectable()
    class NotProvided implements HandlerAround {
      around(_: MessageContext, next: () => Promise<unknown>): Promise<unknown> {
        return next();
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest extends NotProvided {}
    const wrong = (options: object) => bootApp({ providers: [Forgotten, PerRequest] }, options);
    await expect(
      wrong({
        around: [Forgotten, NotProvided, PerRequest, 5, {}],
        beforePublish: {},
        propagate: ['x-fine', 'Not-Fine', 'ce_id'],
      }),
    ).rejects.toMatchObject({
      problems: expect.arrayContaining([
        expect.stringMatching(
          /around\[0\] is Forgotten, which has no method around\. Implement HandlerAround/,
        ),
        expect.stringMatching(/around\[1\] is NotProvided, which no module provides/),
        expect.stringMatching(
          /around\[2\] is PerRequest, which no module provides, or which is not of the default/,
        ),
        expect.stringMatching(/around\[3\] is 5, which has no method around/),
        expect.stringMatching(/around\[4\] is an object of the class Object, which has no method/),
        expect.stringMatching(/propagate names the header "Not-Fine"/),
        expect.stringMatching(/propagate names the header "ce_id"/),
        expect.stringMatching(/beforePublish is an object of the class Object; it must be a list/),
      ]),
    });
  });
});

describe('what is added to a published message', () => {
  it('continues the headers that are named, and those that hooks find where publish is called', async () => {
    const request = new AsyncLocalStorage<string>();
    const seen: Record<string, string>[] = [];
    const outgoing: OutgoingMessage[] = [];
    @Injectable()
    class Tenant implements PublishHook {
      beforePublish(message: OutgoingMessage): Record<string, string> | undefined {
        outgoing.push(message);
        const tenant = request.getStore();
        return tenant === undefined ? undefined : { 'x-tenant': tenant, 'x-by': 'the hook' };
      }
    }
    @Injectable()
    class Chain {
      constructor(private readonly messaging: MessagingService) {}
      @MessageHandler(Ping)
      async ping({ n }: { n: number }): Promise<void> {
        await this.messaging.publish(Pong, { n });
      }
      @MessageHandler(Pong)
      pong(_: unknown, { headers }: MessageContext): void {
        seen.push(headers);
      }
    }
    const { messaging } = await bootApp(
      { providers: [Chain, Tenant] },
      { beforePublish: [Tenant], propagate: ['x-tenant', 'x-region'] },
    );
    await request.run('acme', () =>
      messaging.publish(
        Ping,
        { n: 1 },
        { messageId: 'm-1', headers: { 'x-region': 'eu', 'x-by': 'the publisher' } },
      ),
    );
    await eventually(() => seen.length === 1 || undefined);
    expect(seen[0]).toMatchObject({ 'x-tenant': 'acme', 'x-region': 'eu' });
    expect(seen[0]).not.toHaveProperty('x-by');
    expect(outgoing).toMatchObject([
      { topic: 'ping', messageId: 'm-1', key: undefined },
      { topic: 'pong', headers: { 'x-tenant': 'acme', 'x-region': 'eu' } },
    ]);
  });

  it('keeps to the rules of headers', async () => {
    const { messaging } = await bootApp({}, { beforePublish: [() => ({ ce_id: 'forged' })] });
    await expect(messaging.publish(Ping, { n: 1 })).rejects.toMatchObject({ code: 'HEADER_INVALID' });
  });
});
