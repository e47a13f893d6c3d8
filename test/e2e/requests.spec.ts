/** One file because the cases share one application and the table of what may go wrong with a request. */
import { BadRequestException, Injectable } from '@nestjs/common';
import { of } from 'rxjs';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import {
  type AnyRequestType,
  defineMessage,
  defineRequest,
  MessageContext,
  MessageHandler,
  MessagingConfigurationError,
  MessagingService,
  RequestError,
  RequestHandler,
  type RequestOptions,
  RetryAfterError,
} from '../../src/core/messaging/index.js';
import { OWN_HEADERS } from '../../src/core/messaging/ports/headers.js';
import { SeverableTransport } from '../../src/testing/severable-transport.js';
import { bootApp, closeApps, memoryTransport } from '../support/messaging-app.js';

const QuotePrice = defineRequest(
  'price.quote',
  z.object({ sku: z.string() }),
  z.object({ cents: z.number().transform((cents) => cents / 100) }),
);
const Ping = defineRequest('ping', z.null(), z.undefined());
const PATIENT = { timeoutMs: 10_000 };

const seen: { context?: MessageContext; aborted?: unknown; runs: number } = { runs: 0 };

@Injectable()
class PriceHandler {
  @RequestHandler(QuotePrice, { group: 'prices', timeoutMs: 400 })
  async quote({ sku }: { sku: string }, context: MessageContext): Promise<{ cents: number }> {
    seen.context = context;
    seen.runs += 1;
    switch (sku) {
      case 'none':
        throw new RequestError('NO_SUCH_SKU', 'There is no such article.', { details: { sku } });
      case 'secret':
        throw new TypeError('connect failed: postgres://shop:hunter2@db/shop');
      case 'bad':
        throw new BadRequestException('Give a known sku');
      case 'later':
        throw new RetryAfterError(2_000, 'The price list is being loaded.');
      case 'wrong':
        return { cents: 'many' as unknown as number };
      case 'circular':
        throw new RequestError('CIRCLE', 'It goes round.', { details: circle() });
      case 'slow':
        context.signal.addEventListener('abort', () => {
          seen.aborted = context.signal.reason;
        });
        await wait(2_000, undefined, { signal: context.signal }).catch(() => undefined);
        return { cents: 1 };
      default:
        return { cents: 250 };
    }
  }

  @RequestHandler(Ping)
  ping(): undefined {
    return undefined;
  }
}

function circle(): object {
  const details: Record<string, unknown> = {};
  details['details'] = details;
  return details;
}

const failureOf = (asked: Promise<unknown>): Promise<RequestError> =>
  asked.then(
    (value) => {
      throw new Error(`It was answered with ${JSON.stringify(value)}.`);
    },
    (error: unknown) => {
      if (error instanceof RequestError) return error;
      throw error;
    },
  );

const boot = (options: Parameters<typeof bootApp>[1] = {}) => bootApp({ providers: [PriceHandler] }, options);

beforeEach(() => {
  seen.runs = 0;
  delete seen.context;
  delete seen.aborted;
});
afterEach(closeApps);

it('resolves with what the output schema makes of the result', async () => {
  const { messaging, events } = await boot();
  await expect(messaging.request(QuotePrice, { sku: 'a' }, PATIENT)).resolves.toEqual({ cents: 2.5 });
  await expect(messaging.request(Ping, null, PATIENT)).resolves.toBeUndefined();
  expect(seen.context?.deadline?.getTime()).toBeGreaterThan(Date.now());
  expect(seen.context?.headers[OWN_HEADERS.replyTo.name]).toMatch(/^main:memory:/);
  const ended = events.filter(({ type }) => type === 'request-ended' || type === 'handled');
  expect(ended).toContainEqual(expect.objectContaining({ outcome: 'replied', topic: 'price.quote' }));
  expect(ended).toContainEqual(expect.objectContaining({ type: 'handled', transport: 'main' }));
});

it.each([
  [
    'none',
    { code: 'NO_SUCH_SKU', message: 'There is no such article.', retryable: false, details: { sku: 'none' } },
  ],
  ['bad', { code: 'BadRequestException', message: 'Give a known sku', retryable: false }],
  [
    'later',
    { code: 'RETRY_AFTER', message: 'The price list is being loaded.', retryable: true, retryAfterMs: 2_000 },
  ],
  ['secret', { code: 'TypeError', retryable: true }],
  ['circular', { code: 'CIRCLE', message: 'It goes round.', details: undefined }],
  ['slow', { code: 'HANDLER_TIMEOUT', retryable: true }],
  ['wrong', { code: 'REPLY_INVALID', retryable: false, message: expect.stringContaining('cents') as string }],
])('brings a failure to the asker as it is meant to be seen (%s)', async (sku, expected) => {
  const { messaging, deadLetters, events } = await boot();
  const failure = await failureOf(messaging.request(QuotePrice, { sku }, PATIENT));
  expect(failure).toMatchObject(expected);
  expect(JSON.stringify([failure.code, failure.message, failure.details, failure.stack])).not.toMatch(
    /hunter2|postgres/,
  );
  expect(seen.runs).toBe(1);
  expect(deadLetters.all()).toEqual([]);
  expect(events).toContainEqual(expect.objectContaining({ type: 'failed', disposition: 'replied' }));
  expect(events).toContainEqual(expect.objectContaining({ type: 'request-ended', outcome: 'failed' }));
});

it('aborts the signal of the handler at the deadline, and drops the reply', async () => {
  const { messaging, events } = await boot();
  const failure = await failureOf(messaging.request(QuotePrice, { sku: 'slow' }, { timeoutMs: 100 }));
  expect(failure).toMatchObject({ code: 'DEADLINE_EXCEEDED', retryable: true });
  await wait(50);
  expect(seen.aborted).toMatchObject({ code: 'EXPIRED' });
  expect(events).toContainEqual(expect.objectContaining({ type: 'request-dropped', reason: 'expired' }));
  expect(events).toContainEqual(expect.objectContaining({ type: 'request-ended', outcome: 'timeout' }));
});

it('drops a request before its handler when the deadline has passed', async () => {
  const transport = memoryTransport('main');
  const { events, deadLetters } = await boot({ transports: [transport] });
  const headers = { [OWN_HEADERS.deadline.name]: '1000', [OWN_HEADERS.replyTo.name]: 'main:memory:gone' };
  const body = Buffer.from('{"sku":"a"}');
  await transport.publish({ topic: 'price.quote' }, [{ id: 'a', headers, body }], { deadlineMs: 1_000 });
  await transport.publish({ topic: 'price.quote' }, [{ id: 'b', headers: {}, body }], { deadlineMs: 1_000 });
  await wait(50);
  const dropped = events.flatMap((event) => (event.type === 'request-dropped' ? [event] : []));
  expect(dropped.map(({ messageId, reason }) => [messageId, reason])).toEqual([
    ['a', 'expired'],
    ['b', 'unaddressed'],
  ]);
  expect([seen.runs, deadLetters.all()]).toEqual([0, []]);
});

it('drops and counts a reply after its deadline, a second one, and one that names no request', async () => {
  const transport = memoryTransport('main');
  const { messaging, events } = await boot({ transports: [transport] });
  await messaging.request(QuotePrice, { sku: 'a' }, PATIENT);
  const address = seen.context?.headers[OWN_HEADERS.replyTo.name] ?? '';
  const late = {
    [OWN_HEADERS.requestId.name]: seen.context?.messageId ?? '',
    [OWN_HEADERS.reply.name]: 'ok',
  };
  await transport.reply(address, { id: 'r', headers: late, body: Buffer.from('{}') });
  await transport.reply(address, { id: 'r', headers: {}, body: Buffer.from('{}') });
  const dropped = events.flatMap((event) => (event.type === 'reply-dropped' ? [event.reason] : []));
  expect(dropped).toEqual(['late', 'unreadable']);
});

it('rejects a request whose reply cannot be read', async () => {
  const transport = memoryTransport('main');
  const replies = [
    { headers: { [OWN_HEADERS.reply.name]: 'ok' }, body: 'no JSON' },
    { headers: { [OWN_HEADERS.reply.name]: 'ok' }, body: '{"cents":"many"}' },
    { headers: { [OWN_HEADERS.reply.name]: 'error' }, body: '{}' },
    { headers: {}, body: '{}' },
  ];
  const { messaging } = await bootApp({}, { transports: [transport] });
  await transport.consume(
    { topic: 'price.quote', group: 'raw', concurrency: 1, ordering: 'none' },
    async ({ message: { id, headers } }) => {
      const reply = replies.shift();
      await transport.reply(headers[OWN_HEADERS.replyTo.name] ?? '', {
        id: 'r',
        headers: { ...reply?.headers, [OWN_HEADERS.requestId.name]: id },
        body: Buffer.from(reply?.body ?? ''),
      });
      return { kind: 'ack' };
    },
  );
  for (let left = replies.length; left > 0; left -= 1)
    await expect(messaging.request(QuotePrice, { sku: 'a' }, PATIENT)).rejects.toMatchObject({
      name: 'RequestError',
      code: 'REPLY_INVALID',
      retryable: false,
    });
});

it('ends a request without a handler: at once where no group ever subscribed, else by its deadline', async () => {
  const transport = memoryTransport('main');
  const { messaging } = await bootApp({}, { transports: [transport] });
  const began = Date.now();
  const none = await failureOf(messaging.request(QuotePrice, { sku: 'a' }, PATIENT));
  expect(none).toMatchObject({ code: 'NO_HANDLER', retryable: true });
  expect(Date.now() - began).toBeLessThan(1_000);
  const subscription = { topic: 'price.quote', group: 'g', concurrency: 1, ordering: 'none' } as const;
  const consumer = await transport.consume(subscription, async () => ({ kind: 'ack' }));
  await consumer.stop();
  const late = await failureOf(messaging.request(QuotePrice, { sku: 'a' }, { timeoutMs: 60 }));
  expect(late).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
});

it('refuses wrong input before anything is sent', async () => {
  const { messaging, events } = await boot();
  const ask = (payload: unknown, options: unknown): Promise<unknown> =>
    messaging.request(QuotePrice, payload as { sku: string }, options as RequestOptions);
  await expect(ask({ sku: 5 }, PATIENT)).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' });
  await expect(ask({ sku: 'a' }, undefined)).rejects.toThrow(/timeoutMs is undefined.+no default/);
  for (const timeoutMs of [0, -1, NaN, Infinity, 3_600_001, '5', null])
    await expect(ask({ sku: 'a' }, { timeoutMs })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  const Event = defineMessage('ping', z.null());
  await expect(messaging.request(Event as never, null as never, PATIENT)).rejects.toThrow(
    /"ping" is no request/,
  );
  await expect(messaging.publish(QuotePrice, { sku: 'a' })).rejects.toThrow(
    /is a request and was not published/,
  );
  await expect(messaging.publishMany(QuotePrice, [{ sku: 'a' }])).rejects.toThrow(/Send it with request/);
  expect(events.filter(({ type }) => type === 'published')).toEqual([]);
});

it('keeps no more requests in flight than it may', async () => {
  const { messaging } = await boot({ maxRequestsInFlight: 2 });
  const two = [1, 2].map(() => failureOf(messaging.request(QuotePrice, { sku: 'slow' }, { timeoutMs: 200 })));
  const third = await failureOf(messaging.request(QuotePrice, { sku: 'a' }, PATIENT));
  expect(third).toMatchObject({ code: 'OVERLOADED', retryable: true });
  expect(third.message).toContain('maxRequestsInFlight');
  await Promise.all(two);
  await expect(messaging.request(QuotePrice, { sku: 'a' }, PATIENT)).resolves.toEqual({ cents: 2.5 });
});

it('gives up when the signal of the asker aborts', async () => {
  const { messaging } = await boot();
  const controller = new AbortController();
  const asked = failureOf(
    messaging.request(QuotePrice, { sku: 'slow' }, { ...PATIENT, signal: controller.signal }),
  );
  await wait(20);
  controller.abort(new Error('enough'));
  await expect(asked).resolves.toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
  const { signal } = controller;
  await expect(messaging.request(QuotePrice, { sku: 'a' }, { ...PATIENT, signal })).rejects.toMatchObject({
    code: 'ABORTED',
  });
});

it('rejects what is in flight when the application stops, once handlers are drained', async () => {
  const transport = memoryTransport('main');
  const { app, messaging } = await bootApp({}, { transports: [transport], drainTimeoutMs: 200 });
  const subscription = { topic: 'price.quote', group: 'g', concurrency: 1, ordering: 'none' } as const;
  await transport.consume(subscription, async () => ({ kind: 'ack' }));
  const asked = failureOf(messaging.request(QuotePrice, { sku: 'a' }, PATIENT));
  await wait(20);
  await app.close();
  await expect(asked).resolves.toMatchObject({ code: 'NOT_RUNNING', retryable: true });
  await expect(messaging.request(QuotePrice, { sku: 'a' }, PATIENT)).rejects.toMatchObject({
    code: 'NOT_RUNNING',
  });
});

it('hands a request back that a stopping process no longer waits for', async () => {
  const transport = memoryTransport('main');
  const { app, messaging, events } = await boot({ transports: [transport], drainTimeoutMs: 0 });
  const asked = failureOf(messaging.request(QuotePrice, { sku: 'slow' }, PATIENT));
  await wait(20);
  await app.close();
  await asked;
  expect(events).toContainEqual(expect.objectContaining({ type: 'postponed', reason: 'abandoned' }));
});

describe('inside a handler', () => {
  const Outer = defineRequest('outer', z.object({ timeoutMs: z.number() }), z.object({ cents: z.number() }));

  @Injectable()
  class OuterHandler {
    constructor(private readonly messaging: MessagingService) {}

    @RequestHandler(Outer)
    async outer({ timeoutMs }: { timeoutMs: number }): Promise<{ cents: number }> {
      return this.messaging.request(QuotePrice, { sku: 'a' }, { timeoutMs });
    }
  }

  it('continues correlation and tracing, and waits no longer than its own asker', async () => {
    const around: string[] = [];
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { messaging } = await bootApp(
      { providers: [PriceHandler, OuterHandler] },
      {
        around: [
          (context: MessageContext, next: () => Promise<unknown>) => (around.push(context.topic), next()),
        ],
        beforePublish: [() => ({ tenant: 'acme' })],
        propagate: ['region'],
      },
    );
    const headers = { region: 'eu', traceparent };
    const ask = (timeoutMs: number) =>
      messaging.request(Outer, { timeoutMs: 60_000 }, { timeoutMs, headers, correlationId: 'c-1' });
    await expect(ask(10_000)).resolves.toEqual({ cents: 2.5 });
    expect(around).toEqual(['outer', 'price.quote']);
    const { context } = seen;
    expect(context?.correlationId).toBe('c-1');
    expect(context?.headers).toMatchObject({ tenant: 'acme', region: 'eu', traceparent });
    expect(context?.deadline?.getTime()).toBeLessThanOrEqual(Date.now() + 10_000);
  });
});

it('takes the last value of an Observable as the reply', async () => {
  @Injectable()
  class Stream {
    @RequestHandler(QuotePrice)
    quote() {
      return of({ cents: 100 }, { cents: 200 });
    }
  }
  const { messaging } = await bootApp({ providers: [Stream] });
  await expect(messaging.request(QuotePrice, { sku: 'a' }, PATIENT)).resolves.toEqual({ cents: 2 });
});

describe('at boot', () => {
  const problemsOf = async (...args: Parameters<typeof bootApp>): Promise<string> => {
    try {
      await bootApp(...args);
    } catch (error) {
      if (error instanceof MessagingConfigurationError) return error.problems.join('\n');
      throw error;
    }
    return 'none';
  };

  it('names the transport to route a request to when its own carries no replies', async () => {
    const mute = (): SeverableTransport => new SeverableTransport(memoryTransport('events'), () => undefined);
    const transports = [mute(), memoryTransport('work')];
    const problems = await problemsOf({ providers: [PriceHandler] }, { transports });
    expect(problems).toContain(
      `Request "price.quote" is routed to "events", a transport of kind memory, which carries no replies. Route the request to "work": { match: 'price.quote', transport: 'work' }.`,
    );
    const routes = [
      { match: 'price.quote', transport: 'work' },
      { match: 'ping', transport: 'work' },
      { match: '**', transport: 'events' },
    ];
    const { messaging } = await boot({ transports: [mute(), memoryTransport('work')], routes });
    await expect(messaging.request(QuotePrice, { sku: 'a' }, PATIENT)).resolves.toEqual({ cents: 2.5 });
    const Unknown = defineRequest('unknown', z.null(), z.null());
    await expect(messaging.request(Unknown, null, PATIENT)).rejects.toThrow(/carries no replies/);
  });

  it('refuses a second handler, options of retries, and decorators that do not fit', async () => {
    @Injectable()
    class Wrong {
      @RequestHandler(QuotePrice, { group: 'other', attempts: 3 } as object)
      again(): { cents: number } {
        return { cents: 1 };
      }

      @MessageHandler(Ping, { group: 'x' })
      message(): void {}

      @RequestHandler(defineMessage('event', z.null()) as unknown as AnyRequestType)
      event(): void {}

      @RequestHandler(defineRequest('no.output', z.null(), undefined as never) as AnyRequestType)
      none(): void {}
    }
    const problems = await problemsOf({ providers: [PriceHandler, Wrong] });
    expect(problems).toContain(
      'Two handlers answer the request "price.quote": PriceHandler.quote and Wrong.again.',
    );
    expect(problems).toContain('attempts is not an option of request handlers');
    expect(problems).toContain('Handler Wrong.message handles "ping", which is a request.');
    expect(problems).toContain('Handler Wrong.event is a request handler, and its type is no request.');
    expect(problems).toContain('Request "no.output" has an output that does not implement Standard Schema.');
  });

  it('keeps requests from handlers of patterns', async () => {
    const matched: string[] = [];
    @Injectable()
    class Audit {
      @MessageHandler('**', { group: 'audit' })
      all(_: never, context: MessageContext): void {
        matched.push(context.topic);
      }
    }
    const messages = [defineMessage('event', z.null())];
    const { messaging } = await bootApp({ providers: [PriceHandler, Audit] }, { messages });
    await messaging.request(QuotePrice, { sku: 'a' }, PATIENT);
    expect(matched).toEqual([]);
  });
});
