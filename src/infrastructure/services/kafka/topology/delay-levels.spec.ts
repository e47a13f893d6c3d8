import { delayLevelOf, DELAY_LEVELS } from './delay-levels.js';

it('every delay is a few waits, of which none is longer than what is left', () => {
  for (let delayMs = 1; delayMs <= 30 * 86_400_000; delayMs = Math.ceil(delayMs * 1.7)) {
    let leftMs = delayMs;
    let steps = 0;
    for (let tier = delayLevelOf(leftMs); tier.waitMs !== undefined; tier = delayLevelOf(leftMs)) {
      expect(tier.waitMs).toBeLessThanOrEqual(leftMs);
      leftMs -= tier.waitMs;
      steps += 1;
    }
    expect(leftMs).toBeLessThan(16_000);
    expect(steps).toBeLessThanOrEqual(3 * (DELAY_LEVELS.length - 1));
  }
});

it('names its topics by their time', () => {
  expect([0, 15_999, 16_000, 32_000, 90_000].map((leftMs) => delayLevelOf(leftMs).name)).toEqual([
    'short',
    'short',
    '8s',
    '32s',
    '32s',
  ]);
});
