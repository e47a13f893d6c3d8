import { seededRandom } from '../../../../../test/support/seeded-random.js';
import { Deque } from './deque.js';

/** Compares with an array after every one of many random operations. */
function compare(seed: number, growing: number): void {
  const random = seededRandom(seed);
  const deque = new Deque<number>();
  const model: number[] = [];
  for (let step = 0; step < 1_500; step++) {
    const dice = random(10);
    if (dice >= growing) expect(deque.shift()).toBe(model.shift());
    else {
      deque.push(step);
      model.push(step);
    }
    expect(deque.length).toBe(model.length);
    const index = random(model.length + 2);
    expect(deque.at(index)).toBe(model[index]);
  }
  while (model.length > 0) expect(deque.shift()).toBe(model.shift());
  expect(deque.shift()).toBeUndefined();
}

describe('a deque', () => {
  it.each([1, 2, 3])('does what an array does, while it grows and while it shrinks (seed %d)', (seed) => {
    compare(seed, 7);
    compare(seed, 5);
    compare(seed, 4);
  });

  it('is empty at first', () => {
    const deque = new Deque<string>();
    expect([deque.length, deque.shift(), deque.at(0)]).toEqual([0, undefined, undefined]);
  });

  it('has nothing before its front', () => {
    const deque = new Deque<string>();
    for (const item of ['a', 'b', 'c']) deque.push(item);
    deque.shift();
    expect([deque.at(-1), deque.at(0), deque.at(1), deque.at(2)]).toEqual([undefined, 'b', 'c', undefined]);
  });

  it('keeps its order across growing while its front is in the middle of the ring', () => {
    const deque = new Deque<number>();
    for (let item = 0; item < 16; item++) deque.push(item);
    for (let item = 0; item < 10; item++) deque.shift();
    for (let item = 16; item < 60; item++) deque.push(item);
    expect(Array.from({ length: deque.length }, () => deque.shift())).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 10),
    );
  });

  it('keeps its order while it shrinks, wherever its front is, and can be gone through', () => {
    const deque = new Deque<number>();
    const take = (count: number): unknown[] => Array.from({ length: count }, () => deque.shift());
    const numbers = (from: number, to: number): number[] =>
      Array.from({ length: to - from }, (_, index) => from + index);
    for (const item of numbers(0, 5_000)) deque.push(item);
    expect(take(5_000)).toEqual(numbers(0, 5_000));
    for (const item of numbers(0, 20_000)) deque.push(item);
    expect(take(19_000)).toEqual(numbers(0, 19_000));
    expect([...deque]).toEqual(numbers(19_000, 20_000));
    deque.push(20_000);
    expect(take(1_001)).toEqual(numbers(19_000, 20_001));
    expect([...deque]).toEqual([]);
  });
});
