import { partitionOf, routingKeyOf, routingKeysOf } from './key-buckets.js';

const KEYS = Array.from({ length: 2_000 }, (_, index) => `key-${index}-Ü`);

describe('key buckets', () => {
  it.each([1, 2, 8, 64])('bind each routing key to the one of %i queues that its keys belong in', (count) => {
    for (const key of KEYS) {
      const bound = Array.from({ length: count }, (_, queue) => queue).filter((queue) =>
        routingKeysOf(queue, count).includes(routingKeyOf(key)),
      );
      expect(bound).toEqual([partitionOf(key, count)]);
    }
  });

  it('spread keys evenly', () => {
    const sizes = new Array<number>(8).fill(0);
    for (const key of KEYS) sizes[partitionOf(key, 8)]! += 1;
    for (const size of sizes) expect(Math.abs(size - 250)).toBeLessThan(75);
  });

  it('let messages without a key take turns', () => {
    const turns = Array.from({ length: 64 }, () => routingKeyOf(undefined));
    expect(new Set(turns).size).toBe(64);
  });

  it('agree with every other process', () => {
    expect([routingKeyOf(''), routingKeyOf('a'), routingKeyOf('Schlüssel')]).toMatchInlineSnapshot(`
      [
        "k25",
        "k32",
        "k13",
      ]
    `);
  });
});
