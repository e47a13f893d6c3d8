import { deliveryOf, GOOD, handlingOf, RecordingSink } from '../../../../test/support/deliveries.js';
import { MemoryIdempotencyStore } from '../../../infrastructure/services/memory/memory-idempotency.store.js';
import { readHistory } from '../dead-letters/attempt-history.js';
import { claim, settle } from './delivery-processor.js';
import { HEADER } from '../message/headers.js';
import { IdempotencyStep } from './idempotency-step.js';
import type { MessagingEvent } from '../observing/events.js';
import { type FailureOutcome, UnacceptableMessageError } from './outcome.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import { DeadLetterParking } from './dead-letter-parking.js';
import { DeliveryReports } from './delivery-reports.js';

const WINDOW = { idempotencyWindowMs: 60_000 };
const REPLAY = deliveryOf(GOOD, { [HEADER.deadLetterId]: 'dl-1' });
const error = new TypeError('no such account');
const RETRY: FailureOutcome = { kind: 'retry', delayMs: 250, reason: 'handler_error', error };
const DISCARD: FailureOutcome = { kind: 'discard', reason: 'handler_error', error };
const DEAD: FailureOutcome = { kind: 'dead-letter', reason: 'handler_error', error };

function setUp() {
  const clock = new ManualClock();
  const events: MessagingEvent[] = [];
  const sink = new RecordingSink();
  const reports = new DeliveryReports(clock, (event) => events.push(event));
  const tools = {
    clock,
    reports,
    idempotency: new IdempotencyStep(new MemoryIdempotencyStore({ clock }), clock, (entry, cause) =>
      reports.storeFailed('idempotency', entry, cause),
    ),
    deadLetters: new DeadLetterParking(sink, clock, (entry, cause) =>
      reports.storeFailed('dead-letters', entry, cause),
    ),
  };
  const claimed = async (delivery = deliveryOf(GOOD)) => {
    const handling = handlingOf(delivery, WINDOW);
    await claim(handling, tools);
    return handling;
  };
  /** What the next copy of the message finds. */
  const nextCopy = () => claim(handlingOf(deliveryOf(GOOD), WINDOW), tools);
  return { clock, events, sink, tools, claimed, nextCopy };
}

describe('settle', () => {
  it('acknowledges a handled message at once, without a promise', () => {
    const { tools, events } = setUp();
    expect(settle(handlingOf(), { kind: 'handled' }, tools)).toEqual({ kind: 'ack' });
    expect(events).toEqual([expect.objectContaining({ type: 'handled', attempt: 1, replayed: false })]);
  });

  it('remembers a handled message that was claimed before it acknowledges', async () => {
    const { tools, claimed, nextCopy } = setUp();
    expect(await settle(await claimed(), { kind: 'handled' }, tools)).toEqual({ kind: 'ack' });
    expect(await nextCopy()).toEqual({ kind: 'duplicate' });
  });

  it('resolves the dead letter of a handled replay', async () => {
    const { tools, sink, events } = setUp();
    expect(await settle(handlingOf(REPLAY), { kind: 'handled' }, tools)).toEqual({ kind: 'ack' });
    expect(sink.resolved).toEqual(['dl-1']);
    expect(events).toEqual([expect.objectContaining({ type: 'handled', replayed: true })]);
  });

  it('acknowledges a handled replay although its dead letter cannot be resolved', async () => {
    const { tools, sink, events } = setUp();
    sink.isDown = true;
    expect(await settle(handlingOf(REPLAY), { kind: 'handled' }, tools)).toEqual({ kind: 'ack' });
    expect(events.map(({ type }) => type)).toEqual(['store-failed', 'handled']);
  });

  it('acknowledges a duplicate and reports it', () => {
    const { tools, events } = setUp();
    expect(settle(handlingOf(), { kind: 'duplicate' }, tools)).toEqual({ kind: 'ack' });
    expect(events).toEqual([expect.objectContaining({ type: 'duplicate-suppressed', messageId: 'm-1' })]);
  });

  const POSTPONED = { kind: 'postponed', reason: 'claimed', delayMs: 70 } as const;
  const UNCOUNTED = { kind: 'retry', delayMs: 70, countsAttempt: false };

  it('returns a postponed message as the same attempt, without an entry in its history', () => {
    const { tools, events } = setUp();
    expect(settle(handlingOf(deliveryOf(GOOD, {}, 2)), POSTPONED, tools)).toEqual(UNCOUNTED);
    expect(events).toEqual([
      expect.objectContaining({ type: 'postponed', reason: 'claimed', attempt: 2, delayMs: 70 }),
    ]);
  });

  it('releases the claim of a postponed message', async () => {
    const { tools, claimed, nextCopy } = setUp();
    expect(await settle(await claimed(), { ...POSTPONED, reason: 'abandoned' }, tools)).toEqual(UNCOUNTED);
    expect(await nextCopy()).toBeUndefined();
  });

  it('retries after the delay of the outcome, with the failed attempt in the history', async () => {
    const { tools, events, clock } = setUp();
    const settlement = await settle(handlingOf(deliveryOf(GOOD, {}, 2)), RETRY, tools);
    expect(settlement).toMatchObject({ kind: 'retry', delayMs: 250 });
    expect(readHistory('headers' in settlement ? { ...settlement.headers } : {})).toEqual([
      { attempt: 2, at: clock.now(), errorType: 'TypeError' },
    ]);
    expect(events).toEqual([
      expect.objectContaining({ type: 'failed', disposition: 'retry', delayMs: 250, error }),
    ]);
  });

  it('releases the claim of a message that is retried', async () => {
    const { tools, claimed, nextCopy } = setUp();
    await settle(await claimed(), RETRY, tools);
    expect(await nextCopy()).toBeUndefined();
  });

  it('acknowledges a discarded message and remembers it as handled', async () => {
    const { tools, sink, events, claimed, nextCopy } = setUp();
    expect(await settle(await claimed(), DISCARD, tools)).toEqual({ kind: 'ack' });
    expect(await nextCopy()).toEqual({ kind: 'duplicate' });
    expect(sink.parked).toEqual([]);
    expect(events).toContainEqual(expect.objectContaining({ type: 'failed', disposition: 'discard' }));
  });

  it('parks a dead letter before it acknowledges, and releases the claim for its replay', async () => {
    const { tools, sink, events, claimed, nextCopy } = setUp();
    const handling = await claimed(deliveryOf(GOOD, {}, 3));
    handling.startedAt = 0;
    expect(await settle(handling, DEAD, tools)).toEqual({ kind: 'ack' });
    expect(sink.parked).toEqual([
      expect.objectContaining({
        reason: 'handler_error',
        attempts: 3,
        history: [expect.objectContaining({ attempt: 3, errorType: 'TypeError' })],
      }),
    ]);
    expect(events).toEqual([expect.objectContaining({ type: 'failed', disposition: 'dead_letter' })]);
    expect(await nextCopy()).toBeUndefined();
  });

  it('does not count the attempt of a message that was refused before its handler ran', async () => {
    const { tools, sink } = setUp();
    const refusal = new UnacceptableMessageError('max_deliveries', 'ATTEMPTS_USED_UP', 'used up');
    const outcome = { kind: 'dead-letter', reason: 'max_deliveries', error: refusal } as const;
    await settle(handlingOf(deliveryOf(GOOD, {}, 4)), outcome, tools);
    expect(sink.parked).toEqual([expect.objectContaining({ attempts: 3, history: [] })]);
  });

  it('returns a message that cannot be parked as the same attempt, after 1 s to 5 min', async () => {
    const { tools, sink, events, clock } = setUp();
    sink.isDown = true;
    const delays: number[] = [];
    for (let time = 0; time < 12; time++) {
      const settlement = await settle(handlingOf(deliveryOf(GOOD, {}, 3)), DEAD, tools);
      expect(settlement).toEqual({
        kind: 'retry',
        delayMs: expect.any(Number) as number,
        countsAttempt: false,
      });
      const { delayMs } = settlement as { delayMs: number };
      delays.push(delayMs);
      await clock.advance(delayMs);
    }
    expect(delays.map((ms) => ms / 1_000)).toEqual([1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['store-failed', 'postponed']));
  });

  it('parks in the end with the error and the time of the attempt that failed', async () => {
    const { tools, sink, clock } = setUp();
    const ran = handlingOf(deliveryOf(GOOD, {}, 3));
    ran.startedAt = 0;
    sink.isDown = true;
    await settle(ran, DEAD, tools);
    const failedAt = clock.now();
    await clock.advance(1_000);
    sink.isDown = false;
    const again = handlingOf(deliveryOf(GOOD, {}, 3));
    expect(tools.deadLetters.unparked(again)).toBe(DEAD);
    expect(await settle(again, DEAD, tools)).toEqual({ kind: 'ack' });
    expect(sink.parked).toEqual([
      expect.objectContaining({
        attempts: 3,
        history: [{ attempt: 3, at: failedAt, errorType: 'TypeError' }],
      }),
    ]);
    expect(tools.deadLetters.unparked(again)).toBeUndefined();
  });

  it.each([
    ['another attempt', deliveryOf(GOOD, {}, 1)],
    ['a replay', deliveryOf(GOOD, { [HEADER.deadLetterId]: 'dl-1' }, 3)],
  ])('does not take %s for the one that could not be parked', async (_, delivery) => {
    const { tools, sink } = setUp();
    sink.isDown = true;
    await settle(handlingOf(deliveryOf(GOOD, {}, 3)), DEAD, tools);
    expect(tools.deadLetters.unparked(handlingOf(delivery))).toBeUndefined();
  });

  it('waits as long for a message that fails while the store has been full for some time', async () => {
    const { tools, sink, events, clock } = setUp();
    sink.isDown = true;
    sink.code = 'STORE_FULL';
    const fail = (id: string): unknown => {
      const { message, ...delivery } = deliveryOf(GOOD, {}, 3);
      return settle(handlingOf({ ...delivery, message: { ...message, id } }), DEAD, tools);
    };
    await fail('m-1');
    await clock.advance(45_000);
    expect(await fail('m-2')).toMatchObject({ kind: 'retry', delayMs: 45_000, countsAttempt: false });
    expect(events.at(-1)).toMatchObject({ type: 'postponed', reason: 'dead-letters-full' });
    await clock.advance(1_000_000);
    expect(await fail('m-3')).toMatchObject({ delayMs: 300_000 });
    sink.isDown = false;
    expect(await fail('m-4')).toEqual({ kind: 'ack' });
    sink.isDown = true;
    expect(await fail('m-5')).toMatchObject({ delayMs: 1_000 });
  });

  it('waits as long although more messages wait than it can remember', async () => {
    const { tools, sink, clock } = setUp();
    sink.isDown = true;
    const fail = (id: string): unknown => {
      const { message, ...delivery } = deliveryOf(GOOD, {}, 3);
      return settle(handlingOf({ ...delivery, message: { ...message, id } }), DEAD, tools);
    };
    for (let n = 0; n <= 10_000; n++) await fail(`m-${n}`);
    await clock.advance(60_000);
    expect(await fail('m-0')).toMatchObject({ delayMs: 60_000 });
  });

  it('forgets after twenty minutes what could not be parked: another process has it', async () => {
    const { tools, sink, clock } = setUp();
    sink.isDown = true;
    await settle(handlingOf(), DEAD, tools);
    await clock.advance(1_201_000);
    expect(tools.deadLetters.unparked(handlingOf())).toBeUndefined();
  });
});
