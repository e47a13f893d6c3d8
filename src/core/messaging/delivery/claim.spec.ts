import { deliveryOf, GOOD, handlingOf } from '../../../../test/support/deliveries.js';
import { MemoryIdempotencyStore } from '../../../infrastructure/services/memory/memory-idempotency.store.js';
import { claim } from './delivery-processor.js';
import { IdempotencyStep } from './idempotency-step.js';
import { ManualClock } from '../../../testing/manual-clock.js';

const WINDOW = { idempotencyWindowMs: 60_000 };

function setUp() {
  const clock = new ManualClock();
  const store = new MemoryIdempotencyStore({ clock });
  const errors: unknown[] = [];
  const idempotency = new IdempotencyStep(store, clock, (_, error) => errors.push(error));
  const copy = (attempt = 1, timeoutMs = 1_000) =>
    handlingOf(deliveryOf(GOOD, {}, attempt), { ...WINDOW, timeoutMs });
  return { clock, store, idempotency, errors, copy };
}

describe('claim', () => {
  it('lets the first copy run, with a token', async () => {
    const { idempotency, copy } = setUp();
    const first = copy();
    expect(await claim(first, { idempotency })).toBeUndefined();
    expect(first.token).toBe('1');
  });

  it('does nothing without a window', async () => {
    const { idempotency } = setUp();
    for (let time = 0; time < 2; time++) {
      const handling = handlingOf();
      expect(await claim(handling, { idempotency })).toBeUndefined();
      expect(handling.token).toBeUndefined();
    }
  });

  it('calls a copy of a handled message a duplicate, also when its attempts are used up', async () => {
    const { idempotency, copy } = setUp();
    const first = copy();
    await claim(first, { idempotency });
    await idempotency.complete(first);
    expect(await claim(copy(), { idempotency })).toEqual({ kind: 'duplicate' });
    expect(await claim(copy(4), { idempotency })).toEqual({ kind: 'duplicate' });
  });

  it('postpones a copy of a running message until the lease ends, for 30 s at most', async () => {
    const { clock, idempotency, copy } = setUp();
    await claim(copy(1, 60_000), { idempotency });
    const claimed = { kind: 'postponed', reason: 'claimed' };
    expect(await claim(copy(), { idempotency })).toEqual({ ...claimed, delayMs: 30_000 });
    await clock.advance(65_000);
    expect(await claim(copy(4), { idempotency })).toEqual({ ...claimed, delayMs: 5_000 });
  });

  it.each([
    [2_999.5, 3_000],
    [-1, 0],
    [NaN, 30_000],
  ])('makes a store that asks to wait %d ms wait %d: whole milliseconds', async (retryAfterMs, delayMs) => {
    const { store, idempotency, copy } = setUp();
    store.begin = () => Promise.resolve({ kind: 'busy', retryAfterMs });
    expect(await claim(copy(), { idempotency })).toMatchObject({ delayMs });
  });

  it('refuses a message with used-up attempts only after it has the claim, and keeps the token to release it', async () => {
    const { idempotency, copy } = setUp();
    const usedUp = copy(4);
    await expect(claim(usedUp, { idempotency })).rejects.toMatchObject({ reason: 'max_deliveries' });
    expect(usedUp.token).toBe('1');
  });

  it('retries while the store does not answer, then postpones the message', async () => {
    const { clock, store, idempotency, errors, copy } = setUp();
    store.begin = () => Promise.reject(new Error('no connection'));
    const claiming = claim(copy(), { idempotency });
    const ended = jest.fn();
    void claiming.then(ended);
    await clock.advance(14_700);
    expect(ended).not.toHaveBeenCalled();
    await clock.advance(50);
    expect(await claiming).toEqual({
      kind: 'postponed',
      reason: 'idempotency-unavailable',
      delayMs: 5_000,
    });
    expect(errors).toHaveLength(7);
  });
});
