import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  defineMessage,
  type MessageContext,
  MessageHandler,
  type PublishManyError,
  systemClock,
} from '../../src/core/messaging/index.js';
import { failoverOptionsSchema } from '../../src/infrastructure/services/composites/failover/failover.options.js';
import { FailoverTransport } from '../../src/infrastructure/services/composites/failover/failover.transport.js';
import { eventually } from '../support/demonstration.js';
import { bootApp, closeApps, memoryTransport } from '../support/messaging-app.js';

const OrderPlaced = defineMessage(
  'orders.placed',
  z.object({ id: z.string(), at: z.coerce.date().optional() }),
);

function collector() {
  const seen: {
    readonly order: { readonly id: string; readonly at?: Date | undefined };
    readonly context: MessageContext;
  }[] = [];
  @Injectable()
  class Orders {
    @MessageHandler(OrderPlaced)
    on(order: { id: string; at?: Date | undefined }, context: MessageContext): void {
      seen.push({ order, context });
    }
  }
  return { Orders, seen };
}

afterEach(closeApps);

describe('publishing', () => {
  it('answers with a receipt that names the transport, the durability and the tries', async () => {
    const { Orders } = collector();
    const { messaging } = await bootApp({ providers: [Orders] });
    expect(await messaging.publish(OrderPlaced, { id: 'o-1' }, { messageId: 'm-1' })).toEqual({
      messageId: 'm-1',
      status: 'accepted',
      transport: 'main',
      durability: 'memory',
      attempts: [{ transport: 'main', outcome: 'accepted', durationMs: expect.any(Number) }],
      isPossibleDuplicate: false,
    });
  });

  it('says when another transport may have the message, too', async () => {
    const first = memoryTransport('first');
    const taking = first.publish.bind(first);
    first.publish = async (...call) => {
      await taking(...call);
      return call[1].map(() => ({ kind: 'unknown', error: new Error('the answer was lost') }));
    };
    const context = { name: 'main', clock: systemClock, onEvent: () => undefined };
    const members = [first, memoryTransport('second')];
    const main = new FailoverTransport(members, failoverOptionsSchema.parse({}), context);
    const { Orders, seen } = collector();
    const { messaging } = await bootApp({ providers: [Orders] }, { transports: [main] });
    expect(await messaging.publish(OrderPlaced, { id: 'o-1' })).toMatchObject({
      transport: 'second',
      attempts: [{ outcome: 'unknown' }, { outcome: 'accepted' }],
      isPossibleDuplicate: true,
    });
    await eventually(() => seen[1]);
    expect(new Set(seen.map((one) => one.context.messageId)).size).toBe(1);
  });

  it('sends the payload as it was given, and the handler gets what the schema makes of it', async () => {
    const { Orders, seen } = collector();
    const { messaging } = await bootApp({ providers: [Orders] });
    await messaging.publish(OrderPlaced, { id: 'o-1', at: '2026-01-02T00:00:00.000Z' });
    const { order, context } = await eventually(() => seen[0]);
    expect(order.at).toEqual(new Date('2026-01-02T00:00:00.000Z'));
    expect(Buffer.from(context.body).toString()).toBe('{"id":"o-1","at":"2026-01-02T00:00:00.000Z"}');
  });

  it('refuses a wrong payload before anything is sent, naming what is wrong', async () => {
    const { Orders, seen } = collector();
    const { messaging, events } = await bootApp({ providers: [Orders] });
    await expect(messaging.publish(OrderPlaced, { id: 7 } as never)).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
      issues: [{ path: 'id', message: expect.any(String) }],
    });
    expect(events.map((event) => event.type)).toContain('publish-rejected');
    expect(events.map((event) => event.type)).not.toContain('published');
    expect(seen).toEqual([]);
  });

  it('refuses, and reports, a type whose messages its handlers would refuse', async () => {
    const Dated = defineMessage('orders.dated', z.object({ at: z.date() }));
    const { messaging, events } = await bootApp({});
    await expect(messaging.publish(Dated, { at: new Date() })).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
      issues: [{ path: 'at', message: expect.any(String) }],
    });
    expect(events.map((event) => event.type)).toContain('publish-rejected');
    expect(events.map((event) => event.type)).not.toContain('published');
  });

  it('reports what a schema refuses asynchronously', async () => {
    const Later = defineMessage(
      'orders.later',
      z.object({ id: z.string().refine(() => Promise.resolve(false), 'is unknown') }),
    );
    const { messaging, events } = await bootApp({});
    await expect(messaging.publish(Later, { id: 'a' })).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' });
    expect(events.map((event) => event.type)).toContain('publish-rejected');
  });

  it('of many messages checks all of them before the first is sent', async () => {
    const { Orders, seen } = collector();
    const { messaging } = await bootApp({ providers: [Orders] });
    await expect(messaging.publishMany(OrderPlaced, [{ id: 'a' }, { id: 1 } as never])).rejects.toMatchObject(
      {
        code: 'PAYLOAD_INVALID',
      },
    );
    const receipts = await messaging.publishMany(
      OrderPlaced,
      Array.from({ length: 2_500 }, (_, index) => ({ id: String(index) })),
    );
    expect(new Set(receipts.map((receipt) => receipt.messageId)).size).toBe(2_500);
    await eventually(() => seen.length === 2_500 || undefined);
  });

  it('of many messages says which were not accepted', async () => {
    const { messaging } = await bootApp({}, { transports: [memoryTransport('main', { maxMessages: 3 })] });
    const orders = [1, 2, 3, 4, 5].map((id) => ({ id: String(id) }));
    const error = (await messaging
      .publishMany(OrderPlaced, orders)
      .catch((reason: unknown) => reason)) as PublishManyError;
    expect(error.results.map((result) => (result instanceof Error ? result.name : result.status))).toEqual([
      'accepted',
      'accepted',
      'accepted',
      'PublishError',
      'PublishError',
    ]);
  });

  it('of many messages keeps within what may be on its way', async () => {
    const { messaging } = await bootApp({}, { maxInFlight: 2 });
    const orders = [1, 2, 3, 4, 5].map((id) => ({ id: String(id) }));
    expect(await messaging.publishMany(OrderPlaced, orders)).toHaveLength(5);
  });

  it('beyond what may be on its way fails at once and says that it was not taken', async () => {
    const { messaging } = await bootApp({}, { maxInFlight: 2 });
    const results = await Promise.allSettled(
      ['a', 'b', 'c'].map((id) => messaging.publish(OrderPlaced, { id })),
    );
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(results[2]).toMatchObject({
      reason: { code: 'PUBLISH_UNAVAILABLE', outcome: 'unavailable', cause: { code: 'OVERLOADED' } },
    });
    await expect(messaging.publish(OrderPlaced, { id: 'd' })).resolves.toBeDefined();
  });

  it('with a delay keeps the message from its handlers until then', async () => {
    const { Orders, seen } = collector();
    const { messaging } = await bootApp({ providers: [Orders] });
    const publishedAt = performance.now();
    await messaging.publish(OrderPlaced, { id: 'later' }, { delayMs: 150 });
    await messaging.publish(OrderPlaced, { id: 'at' }, { deliverAt: new Date(Date.now() + 300) });
    await messaging.publish(OrderPlaced, { id: 'now' });
    await eventually(() => seen.length === 3 || undefined);
    expect(seen.map(({ order }) => order.id)).toEqual(['now', 'later', 'at']);
    expect(performance.now() - publishedAt).toBeGreaterThanOrEqual(290);
  });

  it('of a message that expires before it is handled makes a dead letter', async () => {
    const { Orders, seen } = collector();
    const { messaging, deadLetters } = await bootApp({ providers: [Orders] });
    await messaging.publish(OrderPlaced, { id: 'o' }, { delayMs: 60, expiresInMs: 10 });
    await eventually(async () => ((await deadLetters.count({ reason: 'expired' })) === 1 ? true : undefined));
    expect(seen).toEqual([]);
  });

  it('follows the routes, and a drained transport is consumed as well', async () => {
    const { Orders, seen } = collector();
    const [main, old] = [memoryTransport('main'), memoryTransport('old')];
    const { messaging, app } = await bootApp(
      { providers: [Orders] },
      { transports: [main, old], routes: [{ match: '**', transport: 'main' }], drain: ['old'] },
    );
    expect((await messaging.publish(OrderPlaced, { id: 'new' })).transport).toBe('main');
    await old.publish(
      { topic: 'orders.placed' },
      [{ id: 'm', headers: {}, body: Buffer.from('{"id":"old"}') }],
      { deadlineMs: 1_000 },
    );
    await eventually(() => seen.length === 2 || undefined);
    expect(seen.map(({ order, context }) => [order.id, context.transport])).toEqual(
      expect.arrayContaining([
        ['new', 'main'],
        ['old', 'old'],
      ]),
    );
    await app.close();
    await expect(messaging.publish(OrderPlaced, { id: 'o' })).rejects.toMatchObject({ code: 'NOT_RUNNING' });
  });

  it('is unknown soon after its deadline when the transport says nothing, whatever that promises', async () => {
    const mute = memoryTransport('main');
    const { messaging } = await bootApp({}, { transports: [mute], messages: [OrderPlaced] });
    jest.spyOn(mute, 'publish').mockReturnValue(new Promise(() => undefined));
    const startedAt = performance.now();
    await expect(messaging.publish(OrderPlaced, { id: 'o' }, { deadlineMs: 200 })).rejects.toMatchObject({
      code: 'PUBLISH_UNKNOWN',
      outcome: 'unknown',
    });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  it('of a type that a wildcard handler would miss says how to register it', async () => {
    @Injectable()
    class Audit {
      @MessageHandler('**')
      on(): void {
        // only its registration matters
      }
    }
    const Known = defineMessage('known', z.object({}));
    const { messaging } = await bootApp({ providers: [Audit] }, { messages: [Known] });
    await expect(messaging.publish(OrderPlaced, { id: 'o' })).rejects.toThrow(/not registered.*forFeature/);
  });
});
