import { actionFor, type Backoff, delayAfter } from './retry-policy.js';

const fixedRandom = (): number => 0.5;

describe('the delay before the next attempt', () => {
  const backoff: Backoff = { type: 'exponential', delayMs: 1_000, maxDelayMs: 60_000, jitter: false };

  it('doubles with every attempt up to its ceiling', () => {
    expect([1, 2, 3, 4, 7, 8, 500].map((attempt) => delayAfter(attempt, backoff))).toEqual([
      1_000, 2_000, 4_000, 8_000, 60_000, 60_000, 60_000,
    ]);
  });

  it('is a random part of the computed time with full jitter', () => {
    expect(delayAfter(3, { ...backoff, jitter: true }, fixedRandom)).toBe(2_000);
    expect(delayAfter(3, { type: 'exponential', delayMs: 1_000 }, fixedRandom)).toBe(2_000);
  });

  it('stays the same when fixed, and is random only when that is asked for', () => {
    const fixed = { type: 'fixed', delayMs: 300 } as const;
    expect([1, 5].map((attempt) => delayAfter(attempt, fixed, fixedRandom))).toEqual([300, 300]);
    expect(delayAfter(5, { ...fixed, jitter: true }, fixedRandom)).toBe(150);
  });
});

describe('rules about errors', () => {
  class Refused extends Error {}
  class NotFound extends Refused {}

  it('match by class, subclasses included, and the first one decides', () => {
    const rules = [
      { match: NotFound, action: 'discard' as const },
      { match: Refused, action: 'dead-letter' as const },
    ];
    expect(actionFor(new NotFound(), rules)).toBe('discard');
    expect(actionFor(new Refused(), rules)).toBe('dead-letter');
    expect(actionFor(new Error(), rules)).toBeUndefined();
  });

  it('match by predicate; one that throws does not match', () => {
    const has404 = (error: unknown): boolean => (error as { status: number }).status === 404;
    expect(actionFor({ status: 404 }, [{ match: has404, action: 'discard' }])).toBe('discard');
    expect(actionFor(undefined, [{ match: has404, action: 'discard' }])).toBeUndefined();
  });
});
