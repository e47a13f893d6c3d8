import { deliveryOf, GOOD, handlingOf } from '../../../../test/support/deliveries.js';
import { admit } from './delivery-processor.js';
import { HEADER } from '../message/headers.js';
import { DEFAULT_MESSAGE_LIMITS } from '../message/message-limits.js';
import { ManualClock } from '../../../testing/manual-clock.js';

const tools = { clock: new ManualClock(Date.UTC(2026, 0, 1)), limits: DEFAULT_MESSAGE_LIMITS };

function expiringAt(expiry: string) {
  return handlingOf(deliveryOf(GOOD, { [HEADER.expiry]: expiry }));
}

describe('admit', () => {
  it('lets a message pass that has attempts and time left', () => {
    expect(() => admit(handlingOf(deliveryOf(GOOD, {}, 3)), tools)).not.toThrow();
    expect(() => admit(expiringAt('2026-01-01T00:00:00.001Z'), tools)).not.toThrow();
  });

  it('refuses a message from the millisecond of its expiry on', () => {
    expect(() => admit(expiringAt('2026-01-01T00:00:00Z'), tools)).toThrow(
      expect.objectContaining({ reason: 'expired', code: 'EXPIRED' }),
    );
  });

  it.each([
    ['too many headers', Object.fromEntries(Array.from({ length: 129 }, (_, nth) => [`h${nth}`, '']))],
    ['headers that are too large', { large: 'x'.repeat(33 * 1024) }],
  ])('refuses a message with %s', (_, headers) => {
    expect(() => admit(handlingOf(deliveryOf(GOOD, headers)), tools)).toThrow(
      expect.objectContaining({ reason: 'deserialization_failed', code: 'HEADER_INVALID' }),
    );
  });

  it.each([
    ['correlation id', { [HEADER.correlationId]: 'a\r\nforged: 1' }],
    ['causation id', { [HEADER.causationId]: 'a\u0085b' }],
    ['message id', {}, 'a\nb'],
  ])('refuses a message whose %s has a control character', (_, headers, id = 'm-1') => {
    const delivery = deliveryOf(GOOD, headers);
    const named = { ...delivery, message: { ...delivery.message, id } };
    expect(() => admit(handlingOf(named), tools)).toThrow(
      expect.objectContaining({ reason: 'deserialization_failed', code: 'HEADER_INVALID' }),
    );
  });

  it('ignores an expiry that is not a date', () => {
    expect(() => admit(expiringAt('soon'), tools)).not.toThrow();
  });

  it('refuses a message whose attempts are used up', () => {
    expect(() => admit(handlingOf(deliveryOf(GOOD, {}, 4)), tools)).toThrow(
      expect.objectContaining({ reason: 'max_deliveries', code: 'ATTEMPTS_USED_UP' }),
    );
  });

  it.each([
    ['deserialization_failed', 'PAYLOAD_UNDECODABLE'],
    ['queue_overflow', 'QUEUE_OVERFLOW'],
    ['expired', 'EXPIRED'],
    ['max_deliveries', 'ATTEMPTS_USED_UP'],
  ] as const)('refuses what its transport calls %s', (reason, code) => {
    const delivery = { ...deliveryOf(GOOD), unacceptable: { reason, detail: 'Entry 7 has no body.' } };
    expect(() => admit(handlingOf(delivery), tools)).toThrow(
      expect.objectContaining({ reason, code, message: 'Entry 7 has no body.' }),
    );
  });

  it('leaves that check to the claim where there is an idempotency window', () => {
    const handling = handlingOf(deliveryOf(GOOD, {}, 4), { idempotencyWindowMs: 60_000 });
    expect(() => admit(handling, tools)).not.toThrow();
  });
});
