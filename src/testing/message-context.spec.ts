import { z } from 'zod';
import type { MessagingService } from '../core/messaging/index.js';
import { defineMessage, MessageContext, PublishError } from '../core/messaging/index.js';
import { messageContext, RecordingMessagingService } from '../exports/testing.js';

const OrderPlaced = defineMessage('orders.placed', z.object({ orderId: z.string() }), {
  key: ({ orderId }) => orderId,
});

describe('a message context', () => {
  it('has what a delivered message has, without options', () => {
    const context = messageContext(OrderPlaced);
    expect(context).toBeInstanceOf(MessageContext);
    expect(context).toMatchObject({
      ...{ topic: 'orders.placed', group: 'test', handler: 'Test.handler', attempt: 1, transport: 'main' },
      ...{ key: undefined, source: 'test', causationId: undefined, correlationId: context.messageId },
    });
    expect(context.publishedAt).toBeInstanceOf(Date);
    expect(context.signal.aborted).toBe(false);
    expect(messageContext(OrderPlaced).messageId).not.toBe(context.messageId);
  });

  it('says what it is given', () => {
    const publishedAt = new Date('2026-03-04T05:06:07Z');
    const context = messageContext(OrderPlaced, {
      ...{ payload: { orderId: 'o-1' }, messageId: 'm-1', attempt: 3, group: 'billing' },
      ...{
        handler: 'Billing.on',
        source: 'shop',
        publishedAt,
        transport: 'work',
        headers: { 'x-tenant': 't' },
      },
    });
    expect(context).toMatchObject({
      ...{ messageId: 'm-1', attempt: 3, group: 'billing', handler: 'Billing.on', key: 'o-1' },
      ...{ source: 'shop', publishedAt, transport: 'work' },
    });
    expect(context.headers['x-tenant']).toBe('t');
    expect(OrderPlaced.codec.decode(context.body)).toEqual({ orderId: 'o-1' });
    expect(messageContext(OrderPlaced, { payload: { orderId: 'o-1' }, key: 'k' }).key).toBe('k');
  });
});

describe('a recording messaging service', () => {
  it('checks as in production, and records what was published', async () => {
    const messaging: MessagingService = new RecordingMessagingService();
    const recording = messaging as RecordingMessagingService;
    const receipt = await messaging.publish(OrderPlaced, { orderId: 'o-1' }, { delayMs: 500 });
    await messaging.publishMany(OrderPlaced, [{ orderId: 'o-2' }, { orderId: 'o-3' }]);
    await expect(messaging.publish(OrderPlaced, {} as never)).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
    });
    await expect(messaging.publish(OrderPlaced, { orderId: 'x' }, { delayMs: -1 })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
    expect(recording.published(OrderPlaced)).toMatchObject([
      { messageId: receipt.messageId, payload: { orderId: 'o-1' }, key: 'o-1', delayMs: 500 },
      { payload: { orderId: 'o-2' } },
      { payload: { orderId: 'o-3' } },
    ]);
    recording.clear();
    expect(recording.published(OrderPlaced)).toEqual([]);
  });

  it('fails as without a broker, until that is restored', async () => {
    const messaging = new RecordingMessagingService();
    const outage = messaging.outage();
    await expect(messaging.publish(OrderPlaced, { orderId: 'o-1' })).rejects.toBeInstanceOf(PublishError);
    await outage.restore();
    await messaging.publish(OrderPlaced, { orderId: 'o-1' });
    expect(messaging.published(OrderPlaced)).toHaveLength(1);
  });

  it('gives payloads as the codec decodes them where the schema validates asynchronously', async () => {
    const schema = z.object({ at: z.coerce.date() }).refine(async () => true);
    const Dated = defineMessage('dated', schema);
    const messaging = new RecordingMessagingService();
    await messaging.publish(Dated, { at: new Date(0) });
    expect(messaging.published(Dated)).toMatchObject([{ payload: { at: '1970-01-01T00:00:00.000Z' } }]);
  });
});
