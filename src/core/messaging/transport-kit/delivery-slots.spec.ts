import { seededRandom } from '../../../../test/support/seeded-random.js';
import { DeliverySlots } from './delivery-slots.js';

/** Slots whose items run until the test ends them. */
function setUp(concurrency: number, ordering: 'none' | 'key' = 'none') {
  const ends = new Map<string, () => void>();
  const started: string[] = [];
  const freeAtEnd: number[] = [];
  const slots = new DeliverySlots<string>(
    { concurrency, ordering },
    (item, done) => {
      started.push(item);
      ends.set(item, done);
    },
    () => freeAtEnd.push(slots.free),
  );
  const end = async (item: string): Promise<void> => {
    const resolve = ends.get(item);
    if (!resolve) throw new Error(`${item} does not run.`);
    ends.delete(item);
    resolve();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { slots, started, freeAtEnd, end, running: () => [...ends.keys()] };
}

/** True once the promise is resolved, as far as promises alone can get. */
async function isResolved(promise: Promise<unknown>): Promise<boolean> {
  let resolved = false;
  void promise.then(() => (resolved = true));
  await new Promise((resolve) => setImmediate(resolve));
  return resolved;
}

describe('delivery slots', () => {
  it('run no more than the concurrency, the others in their order', async () => {
    const { slots, started, end, running } = setUp(2);
    for (const item of ['a', 'b', 'c', 'd']) slots.offer(item);
    expect(started).toEqual(['a', 'b']);
    await end('b');
    expect(running()).toEqual(['a', 'c']);
    await end('a');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
  });

  it('start an item in the turn in which it is offered', () => {
    const { slots, started } = setUp(1);
    slots.offer('a');
    expect(started).toEqual(['a']);
  });

  it('run one item of a key at a time, in order, and other keys beside it', async () => {
    const { slots, started, end } = setUp(3, 'key');
    for (const item of ['k1', 'k2', 'k3']) slots.offer(item, 'k');
    slots.offer('l1', 'l');
    slots.offer('no key');
    expect(started).toEqual(['k1', 'l1', 'no key']);
    await end('k1');
    expect(started.at(-1)).toBe('k2');
    await end('k2');
    expect(started.at(-1)).toBe('k3');
  });

  it('take the empty key for a key', async () => {
    const { slots, started, end } = setUp(2, 'key');
    slots.offer('first', '');
    slots.offer('second', '');
    expect(started).toEqual(['first']);
    await end('first');
    expect(started).toEqual(['first', 'second']);
  });

  it('do not look at keys where no order is asked for', () => {
    const { slots, started } = setUp(2, 'none');
    slots.offer('k1', 'k');
    slots.offer('k2', 'k');
    expect(started).toEqual(['k1', 'k2']);
  });

  it('let a busy key wait its turn behind what was ready before', async () => {
    const { slots, started, end } = setUp(1, 'key');
    for (const item of ['k1', 'k2']) slots.offer(item, 'k');
    slots.offer('l1', 'l');
    await end('k1');
    await end('l1');
    expect(started).toEqual(['k1', 'l1', 'k2']);
  });

  it('have as many free as the concurrency, and five times as many where keys make items wait', async () => {
    const plain = setUp(2);
    expect(plain.slots.free).toBe(2);
    plain.slots.offer('a');
    expect([plain.slots.free, plain.slots.size]).toEqual([1, 1]);
    const keyed = setUp(2, 'key');
    expect(keyed.slots.free).toBe(10);
    for (let nth = 0; nth < 10; nth++) keyed.slots.offer(`k${nth}`, 'k');
    expect([keyed.slots.free, keyed.slots.size]).toEqual([0, 10]);
    await keyed.end('k0');
    expect([keyed.slots.free, keyed.slots.size]).toEqual([1, 9]);
  });

  it('report whenever an item is done, with the slot already free', async () => {
    const { slots, freeAtEnd, end } = setUp(2);
    slots.offer('a');
    slots.offer('b');
    await end('a');
    await end('b');
    expect(freeAtEnd).toEqual([1, 2]);
  });

  it('give back what has not started, in order within each key, and nothing else', async () => {
    const { slots, started, end } = setUp(2, 'key');
    for (const item of ['a1', 'a2', 'a3']) slots.offer(item, 'a');
    slots.offer('b1', 'b');
    for (const item of ['c1', 'c2']) slots.offer(item, 'c');
    slots.offer('plain');
    const withdrawn = slots.withdraw();
    expect([...withdrawn].sort()).toEqual(['a2', 'a3', 'c1', 'c2', 'plain']);
    expect(withdrawn.filter((item) => item.startsWith('a'))).toEqual(['a2', 'a3']);
    expect(withdrawn.filter((item) => item.startsWith('c'))).toEqual(['c1', 'c2']);
    expect(slots.size).toBe(2);
    await end('a1');
    await end('b1');
    expect(started).toEqual(['a1', 'b1']);
    expect(slots.size).toBe(0);
  });

  it('run what comes after a withdrawal, whatever its key', async () => {
    const { slots, started, end } = setUp(1, 'key');
    slots.offer('a1', 'a');
    slots.offer('b1', 'b');
    slots.offer('b2', 'b');
    expect(slots.withdraw()).toEqual(['b1', 'b2']);
    slots.offer('b3', 'b');
    slots.offer('a2', 'a');
    await end('a1');
    await end('b3');
    await end('a2');
    expect(started).toEqual(['a1', 'b3', 'a2']);
    expect(await isResolved(slots.idle())).toBe(true);
  });

  it('are idle once nothing is in flight, for every waiter', async () => {
    const { slots, end } = setUp(1);
    expect(await isResolved(slots.idle())).toBe(true);
    slots.offer('a');
    slots.offer('b');
    const waiters = [slots.idle(), slots.idle()];
    await end('a');
    expect(await isResolved(Promise.race(waiters))).toBe(false);
    await end('b');
    expect(await isResolved(Promise.all(waiters))).toBe(true);
  });

  it('are idle after a withdrawal once the running items are done', async () => {
    const { slots, end } = setUp(1);
    slots.offer('a');
    slots.offer('b');
    const idle = slots.idle();
    slots.withdraw();
    expect(await isResolved(idle)).toBe(false);
    await end('a');
    expect(await isResolved(idle)).toBe(true);
  });

  it('take items that are done at once, however many wait', () => {
    let release = (): void => undefined;
    let ran = 0;
    const slots: DeliverySlots<number> = new DeliverySlots(
      { concurrency: 1, ordering: 'none' },
      (item, done) => {
        ran += 1;
        if (item === 0) release = done;
        else done();
      },
      () => undefined,
    );
    for (let item = 0; item <= 50_000; item++) slots.offer(item);
    release();
    expect([ran, slots.size]).toEqual([50_001, 0]);
  });

  it.each([1, 2, 3])('keep ceiling, order and counts whatever happens (seed %d)', async (seed) => {
    const random = seededRandom(seed);
    const { slots, started, end, running } = setUp(4, 'key');
    const expected = new Map<string, string[]>();
    let offered = 0;
    while (offered < 500 || running().length > 0) {
      if (offered < 500 && slots.free > 0 && random(2) === 0) {
        const key = `k${random(6)}`;
        const item = `${key}-${offered++}`;
        slots.offer(item, key);
        expected.set(key, [...(expected.get(key) ?? []), item]);
      } else if (running().length > 0) {
        await end(running()[random(running().length)] ?? '');
      }
      const keys = running().map((item) => item.split('-')[0]);
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys.length).toBeLessThanOrEqual(4);
    }
    expect(slots.size).toBe(0);
    for (const [key, items] of expected) {
      expect(started.filter((item) => item.startsWith(`${key}-`))).toEqual(items);
    }
  });
});
