import type { StandardSchemaV1 } from '@standard-schema/spec';
import { deliveryOf, entryOf, GOOD, RecordingSink } from '../../../../test/support/deliveries.js';
import { MemoryIdempotencyStore } from '../../../infrastructure/services/memory/memory-idempotency.store.js';
import { systemClock } from '../ports/clock.js';
import { DeliveryProcessor } from './delivery-processor.js';
import type { HandlerEntry } from '../handlers/handler-entry.js';
import { HEADER } from '../message/headers.js';
import type { MessageContext } from '../message/message-context.js';
import { DEFAULT_MESSAGE_LIMITS } from '../message/message-limits.js';
import { defineMessage, type MessageType } from '../message/message-type.js';
import { PermanentError, RetryAfterError } from '../ports/errors.js';
import type { MessagingEvent } from '../observing/events.js';
import { DEFAULT_RETRY_POLICY } from '../retry-policy.js';
import type { Delivery } from '../ports/transport.js';

function setUp(invoke: HandlerEntry['invoke'], overrides: Partial<HandlerEntry> = {}) {
  const events: MessagingEvent[] = [];
  const store = new RecordingSink();
  const processor = new DeliveryProcessor({
    parking: store,
    idempotency: new MemoryIdempotencyStore(),
    limits: DEFAULT_MESSAGE_LIMITS,
    clock: systemClock,
    emit: (event) => events.push(event),
  });
  const entry = entryOf({ invoke, ...overrides });
  return {
    process: (delivery: Delivery) => processor.process(entry, delivery),
    processor,
    parked: store.parked,
    resolved: store.resolved,
    events,
    store,
  };
}

describe('a delivery', () => {
  it('reaches its handler with the payload as the schema makes it, and is acknowledged', async () => {
    const seen: unknown[] = [];
    const { process, events } = setUp((payload, context) =>
      seen.push(payload, context.messageId, context.attempt),
    );
    expect(await process(deliveryOf(GOOD))).toEqual({ kind: 'ack' });
    expect(seen).toEqual([{ id: 'o-1' }, 'm-1', 1]);
    expect(events.map((event) => event.type)).toEqual(['delivered', 'handled']);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws synchronously',
      () => {
        throw new Error('down');
      },
    ],
    ['throws undefined', () => Promise.reject(undefined)],
    [
      'throws an object that cannot be inspected',
      () => {
        const trap = (): never => {
          throw new Error('trap');
        };
        throw new Proxy({}, { get: trap, getPrototypeOf: trap, has: trap });
      },
    ],
    [
      'throws a hostile object',
      () => {
        throw new Proxy(
          {},
          {
            get: () => {
              throw new Error('trap');
            },
          },
        );
      },
    ],
  ])('whose handler %s is tried again', async (_, invoke) => {
    const { process, parked } = setUp(invoke);
    expect(await process(deliveryOf(GOOD))).toMatchObject({ kind: 'retry' });
    expect(parked).toEqual([]);
  });

  it('is stored before it is acknowledged once its attempts are used', async () => {
    const { process, parked } = setUp(() => Promise.reject(new TypeError('no such account')));
    expect(await process(deliveryOf(GOOD, {}, 3))).toEqual({ kind: 'ack' });
    expect(parked).toMatchObject([
      {
        reason: 'handler_error',
        attempts: 3,
        topic: 'orders.placed',
        group: 'billing',
        error: { type: 'TypeError' },
      },
    ]);
    expect(Buffer.from(parked[0]!.body).toString()).toBe(GOOD);
  });

  it('comes back as the same attempt while it cannot be stored, and its handler does not run again', async () => {
    const handler = jest.fn().mockRejectedValue(new TypeError('x'));
    const { process, store, parked, events } = setUp(handler);
    store.isDown = true;
    const uncounted = { kind: 'retry', delayMs: 1_000, countsAttempt: false };
    for (let time = 0; time < 3; time++) expect(await process(deliveryOf(GOOD, {}, 3))).toEqual(uncounted);
    expect(events).toContainEqual(expect.objectContaining({ type: 'store-failed', store: 'dead-letters' }));
    store.isDown = false;
    expect(await process(deliveryOf(GOOD, {}, 3))).toEqual({ kind: 'ack' });
    expect(handler).toHaveBeenCalledTimes(1);
    expect(parked).toMatchObject([{ reason: 'handler_error', attempts: 3, error: { type: 'TypeError' } }]);
  });

  it('with used-up attempts is parked as such, also after it could not be stored at first', async () => {
    const { process, store, parked } = setUp(jest.fn());
    store.isDown = true;
    expect(await process(deliveryOf(GOOD, {}, 4))).toMatchObject({ kind: 'retry', countsAttempt: false });
    store.isDown = false;
    expect(await process(deliveryOf(GOOD, {}, 4))).toEqual({ kind: 'ack' });
    expect(parked).toMatchObject([{ reason: 'max_deliveries', attempts: 3, history: [] }]);
  });

  it('is parked before its handler runs when the last attempt did not live to settle it', async () => {
    const handler = jest.fn();
    const { process, parked } = setUp(handler);
    expect(await process(deliveryOf(GOOD, {}, 4))).toEqual({ kind: 'ack' });
    expect(handler).not.toHaveBeenCalled();
    expect(parked).toMatchObject([{ reason: 'max_deliveries', attempts: 3 }]);
  });

  it('believes an attempt header that is larger than what the transport counted, and no absurd one', async () => {
    const attempts: number[] = [];
    const { process } = setUp((_, context: MessageContext) => attempts.push(context.attempt));
    for (const header of ['3', '1', '-1', '1e9', '999999999', 'x', '']) {
      await process(deliveryOf(GOOD, { [HEADER.attempt]: header }, 2));
    }
    expect(attempts).toEqual([3, 2, 2, 2, 2, 2, 2]);
  });

  it.each(['x-swy-attempt', 'x-msg-attempt'])('continues the count in %s over its retries', async (name) => {
    const { process } = setUp(() => {
      throw new Error('again');
    });
    const settlement = await process(deliveryOf(GOOD, { [name]: '2' }, 1));
    expect(settlement).toMatchObject({ kind: 'retry', headers: { 'x-swy-attempt': '3' } });
    const counted = await process(deliveryOf(GOOD, { [name]: '2' }, 2));
    expect(counted).not.toHaveProperty(['headers', 'x-swy-attempt']); // its transport has as many and counts on
  });

  it.each([
    ['that is not JSON', deliveryOf('{'), 'deserialization_failed'],
    ['that the schema refuses', deliveryOf('{"id":7}'), 'validation_failed'],
    ['that is too late', deliveryOf(GOOD, { [HEADER.expiry]: '2020-01-01T00:00:00Z' }), 'expired'],
  ])('%s becomes a dead letter at once, bytes as they came', async (_, delivery, reason) => {
    const handler = jest.fn();
    const { process, parked } = setUp(handler);
    expect(await process(delivery)).toEqual({ kind: 'ack' });
    expect(handler).not.toHaveBeenCalled();
    expect(parked).toMatchObject([{ reason, attempts: 0 }]);
    expect(parked[0]!.body).toBe(delivery.message.body);
  });

  it('with an unusable expiry or trace is handled', async () => {
    const { process, parked } = setUp(() => undefined);
    expect(await process(deliveryOf(GOOD, { [HEADER.expiry]: 'soon', traceparent: 'x' }))).toEqual({
      kind: 'ack',
    });
    expect(parked).toEqual([]);
  });

  it('follows the word of its handler: never again, or not before', async () => {
    const never = setUp(() => Promise.reject(new PermanentError('account closed')));
    expect(await never.process(deliveryOf(GOOD))).toEqual({ kind: 'ack' });
    expect(never.parked).toMatchObject([{ reason: 'rejected', attempts: 1 }]);
    const later = setUp(() => Promise.reject(new RetryAfterError(4_321)));
    expect(await later.process(deliveryOf(GOOD))).toMatchObject({ kind: 'retry', delayMs: 4_321 });
  });

  it('is forgotten when a rule discards it', async () => {
    const { process, parked, events } = setUp(() => Promise.reject(new RangeError('old news')), {
      policy: { ...DEFAULT_RETRY_POLICY, errors: [{ match: RangeError, action: 'discard' }] },
    });
    expect(await process(deliveryOf(GOOD))).toEqual({ kind: 'ack' });
    expect(parked).toEqual([]);
    expect(events).toContainEqual(expect.objectContaining({ type: 'failed', disposition: 'discard' }));
  });

  it('carries its failed attempts along, and the dead letter shows them', async () => {
    const { process, parked } = setUp(() => Promise.reject(new TypeError('x')));
    let headers: Record<string, string> = {};
    for (const attempt of [1, 2, 3]) {
      const settlement = await process(deliveryOf(GOOD, headers, attempt));
      headers = settlement.kind === 'retry' ? { ...settlement.headers } : headers;
    }
    expect(parked[0]?.history.map(({ attempt, errorType }) => [attempt, errorType])).toEqual([
      [1, 'TypeError'],
      [2, 'TypeError'],
      [3, 'TypeError'],
    ]);
  });

  it('is aborted when its handler runs out of time, and what the handler does later is ignored', async () => {
    let finishLate = (): void => undefined;
    let signal: AbortSignal | undefined;
    const { process, events } = setUp(
      (_, context) => {
        signal = context.signal;
        return new Promise<void>((resolve) => (finishLate = resolve));
      },
      { timeoutMs: 20 },
    );
    expect(await process(deliveryOf(GOOD))).toMatchObject({ kind: 'retry' });
    expect(signal?.aborted).toBe(true);
    expect(events).toContainEqual(expect.objectContaining({ type: 'failed', reason: 'timeout' }));
    finishLate();
    await Promise.resolve();
    expect(events.filter((event) => event.type === 'handled')).toEqual([]);
  });

  it('that is abandoned comes back at once, as the same attempt', async () => {
    const { process, processor, events } = setUp(() => new Promise(() => undefined));
    const settlement = process(deliveryOf(GOOD, {}, 3));
    expect(processor.abandon()).toBe(1);
    expect(await settlement).toEqual({ kind: 'retry', delayMs: 0, countsAttempt: false });
    expect(events.map(({ type }) => type)).toEqual(['delivered', 'postponed']);
  });

  it('that waited until its process stops does not run any more', async () => {
    const handler = jest.fn();
    const { process, processor } = setUp(handler);
    processor.abandon();
    expect(await process(deliveryOf(GOOD))).toEqual({ kind: 'retry', delayMs: 0, countsAttempt: false });
    expect(handler).not.toHaveBeenCalled();
  });

  it('of a replay resolves its dead letter when it is handled', async () => {
    const { process, resolved } = setUp(() => undefined);
    await process(deliveryOf(GOOD, { [HEADER.deadLetterId]: 'dl-1' }));
    await process(deliveryOf(GOOD, { 'x-msg-dl-id': 'dl-2' })); // sent by an earlier version
    expect(resolved).toEqual(['dl-1', 'dl-2']);
  });

  it('waits for a schema that validates asynchronously', async () => {
    const schema: StandardSchemaV1<unknown, string> = {
      '~standard': { version: 1, vendor: 'test', validate: async () => ({ value: 'validated' }) },
    };
    const seen: unknown[] = [];
    const { process } = setUp((payload) => seen.push(payload), {
      type: defineMessage('orders.placed', schema) as unknown as MessageType,
    });
    expect(await process(deliveryOf(GOOD))).toEqual({ kind: 'ack' });
    expect(seen).toEqual(['validated']);
  });

  it('comes back in 5 s when a rule throws', async () => {
    class Unmatchable extends Error {
      static override [Symbol.hasInstance](): boolean {
        throw new Error('instanceof failed');
      }
    }
    const { process } = setUp(() => Promise.reject(new Error('x')), {
      policy: { ...DEFAULT_RETRY_POLICY, errors: [{ match: Unmatchable, action: 'discard' }] },
    });
    expect(await process(deliveryOf(GOOD))).toEqual({ kind: 'retry', delayMs: 5_000 });
  });

  describe('to a handler with an idempotency window', () => {
    const WINDOW = { idempotencyWindowMs: 60_000 };

    it('is handled once, and its copies are acknowledged, also those with used-up attempts', async () => {
      const handler = jest.fn();
      const { process, parked, events } = setUp(handler, WINDOW);
      for (const attempt of [1, 2, 4]) {
        expect(await process(deliveryOf(GOOD, {}, attempt))).toEqual({ kind: 'ack' });
      }
      expect(handler).toHaveBeenCalledTimes(1);
      expect(parked).toEqual([]);
      expect(events.map(({ type }) => type)).toEqual([
        'delivered',
        'handled',
        'delivered',
        'duplicate-suppressed',
        'delivered',
        'duplicate-suppressed',
      ]);
    });

    it('is parked before its handler runs when its attempts are used up and no copy was handled', async () => {
      const handler = jest.fn();
      const { process, parked } = setUp(handler, WINDOW);
      expect(await process(deliveryOf(GOOD, {}, 4))).toEqual({ kind: 'ack' });
      expect(handler).not.toHaveBeenCalled();
      expect(parked).toMatchObject([{ reason: 'max_deliveries', attempts: 3 }]);
    });

    it('is handled by its next attempt after a failure', async () => {
      const handler = jest.fn().mockRejectedValueOnce(new Error('down'));
      const { process } = setUp(handler, WINDOW);
      expect(await process(deliveryOf(GOOD, {}, 1))).toMatchObject({ kind: 'retry' });
      expect(await process(deliveryOf(GOOD, {}, 2))).toEqual({ kind: 'ack' });
      expect(handler).toHaveBeenCalledTimes(2);
    });

    it('waits for the copy that is running', async () => {
      let finish = (): void => undefined;
      const { process } = setUp(() => new Promise<void>((resolve) => (finish = resolve)), WINDOW);
      const first = process(deliveryOf(GOOD));
      expect(await process(deliveryOf(GOOD))).toMatchObject({ kind: 'retry' });
      finish();
      expect(await first).toEqual({ kind: 'ack' });
    });
  });
});
