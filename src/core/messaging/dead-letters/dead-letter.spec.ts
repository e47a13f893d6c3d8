import { describeDeadLetter } from './dead-letter.js';

const to = { topic: 'orders.placed', group: 'billing', handler: 'Billing.charge' };

describe('a dead letter', () => {
  it('holds the bytes and headers as they arrived, and what they say', () => {
    const headers = {
      ce_time: '2026-01-31T12:00:00.000Z',
      ce_correlationid: 'c-1',
      'content-type': 'application/json',
      other: 'ü',
    };
    const body = Uint8Array.of(0, 255, 13);
    const deadLetter = describeDeadLetter({
      id: 'id-1',
      delivery: { message: { id: 'm-1', key: 'k', headers, body }, attempt: 3, transport: 'main' },
      to,
      reason: 'handler_error',
      error: new TypeError('x'),
      attempts: 3,
      history: [{ attempt: 1, at: 500, errorType: 'TypeError' }],
      now: 1_000,
    });
    expect(deadLetter).toMatchObject({
      ...to,
      id: 'id-1',
      transport: 'main',
      messageId: 'm-1',
      key: 'k',
      correlationId: 'c-1',
      contentType: 'application/json',
      publishedAt: Date.parse('2026-01-31T12:00:00Z'),
      firstFailedAt: 500,
      deadLetteredAt: 1_000,
      attempts: 3,
      error: { type: 'TypeError', message: 'x' },
    });
    expect(deadLetter.headers).toBe(headers);
    expect(deadLetter.body).toBe(body);
  });

  it('leaves out what the headers do not say', () => {
    const deadLetter = describeDeadLetter({
      id: 'id-1',
      delivery: {
        message: { id: 'm-1', headers: { ce_time: 'yesterday' }, body: new Uint8Array() },
        attempt: 1,
        transport: 'main',
      },
      to,
      reason: 'deserialization_failed',
      error: undefined,
      attempts: 0,
      history: [],
      now: 1_000,
    });
    expect(Object.keys(deadLetter)).not.toEqual(
      expect.arrayContaining(['key', 'publishedAt', 'correlationId', 'contentType']),
    );
    expect(deadLetter.firstFailedAt).toBe(1_000);
  });
});
