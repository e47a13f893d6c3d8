import type {
  DeadLetterStore,
  DeadLetterUsage,
} from '../../../src/core/messaging/ports/dead-letter-store.js';
import { storedBytesOf } from '../../../src/core/messaging/ports/dead-letter-filter.js';
import { addAll, type DeadLetterCase, deadLetter, found, several } from './letters.js';

const FULL = { code: 'STORE_FULL' };
const held = async (store: DeadLetterStore): Promise<Pick<DeadLetterUsage, 'count' | 'bytes'>> => {
  const usage = await store.usage?.();
  if (!usage) throw new Error('The store does not say what it holds.');
  return { count: usage.count, bytes: usage.bytes };
};
const sizeOf = (deadLetters: Parameters<typeof storedBytesOf>[0][]): number =>
  deadLetters.reduce((sum, one) => sum + storedBytesOf(one), 0);

/** What a store holds, and what it refuses beyond a ceiling. */
export const limiting: readonly DeadLetterCase[] = [
  {
    title: 'count and bytes follow everything that is added, changed and discarded',
    run: async ({ store }) => {
      expect(await held(store)).toEqual({ count: 0, bytes: 0 });
      const [small, large, foreign] = [
        deadLetter(),
        deadLetter({ body: Buffer.alloc(100_000, 1), headers: { a: 'ü'.repeat(100) } }),
        deadLetter({ error: { type: 'Error', message: 'größer \u0001', stack: 's'.repeat(3_000) } }),
      ];
      await addAll(store, [small, large, foreign]);
      expect(await held(store)).toEqual({ count: 3, bytes: sizeOf([small, large, foreign]) });
      await store.transition(small.id, ['failed'], 'replaying');
      await store.transition(small.id, ['replaying'], 'resolved');
      await store.transition(large.id, ['failed'], 'archived');
      expect(await held(store)).toEqual({ count: 3, bytes: sizeOf([small, large, foreign]) });
      await store.discard(large.id);
      await store.discard(large.id);
      expect(await held(store)).toEqual({ count: 2, bytes: sizeOf([small, foreign]) });
    },
  },
  {
    title: 'a letter that failed again counts once, with the size that it has now',
    run: async ({ store }) => {
      const first = deadLetter({ body: Buffer.alloc(5_000) });
      const again = deadLetter({ messageId: first.messageId, body: Buffer.alloc(9_000) });
      const smaller = deadLetter({ messageId: first.messageId, body: Buffer.alloc(10) });
      for (const one of [first, again, smaller]) {
        await store.add(one);
        expect(await held(store)).toEqual({ count: 1, bytes: storedBytesOf(one) });
      }
    },
  },
  {
    title: 'a letter beyond the count or the bytes of its ceiling is refused and leaves nothing behind',
    run: async ({ store }) => {
      const letters = several(3);
      await addAll(store, letters);
      const before = await held(store);
      const refused = deadLetter();
      const needed = before.bytes + storedBytesOf(refused);
      await expect(store.add(refused, { maxCount: 3 })).rejects.toMatchObject(FULL);
      await expect(store.add(refused, { maxBytes: needed - 1 })).rejects.toMatchObject(FULL);
      expect(await store.find(refused.id)).toBeUndefined();
      expect(await store.count({})).toBe(3);
      expect(await held(store)).toEqual(before);
      expect(await store.add(refused, { maxCount: 4, maxBytes: needed })).toBe(refused.id);
      expect(await held(store)).toEqual({ count: 4, bytes: needed });
    },
  },
  {
    title: 'there is room again once a letter was discarded',
    run: async ({ store }) => {
      const [first, second, third] = [deadLetter(), deadLetter(), deadLetter()];
      const ceiling = { maxCount: 2 };
      await store.add(first, ceiling);
      await store.add(second, ceiling);
      await expect(store.add(third, ceiling)).rejects.toMatchObject(FULL);
      await store.discard(first.id);
      expect(await store.add(third, ceiling)).toBe(third.id);
    },
  },
  {
    title: 'a full store takes a letter that failed again and does not grow, and refuses one that does',
    run: async ({ store }) => {
      const first = deadLetter({ body: Buffer.alloc(500) });
      await store.add(first);
      const { bytes } = await held(store);
      const ceiling = { maxCount: 1, maxBytes: bytes - 1 }; // as after a limit was lowered
      const larger = deadLetter({ messageId: first.messageId, body: Buffer.alloc(2_000) });
      await expect(store.add(larger, ceiling)).rejects.toMatchObject(FULL);
      expect((await found(store, first.id)).body).toHaveLength(500);
      const smaller = deadLetter({ messageId: first.messageId, body: Buffer.alloc(100) });
      expect(await store.add(smaller, ceiling)).toBe(first.id);
      expect((await found(store, first.id)).body).toHaveLength(100);
    },
  },
  {
    title: 'of many at once exactly as many are kept as the ceiling allows',
    run: async ({ store }) => {
      const results = await Promise.allSettled(several(40).map((one) => store.add(one, { maxCount: 25 })));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(25);
      for (const one of results) if (one.status === 'rejected') expect(one.reason).toMatchObject(FULL);
      expect(await store.count({})).toBe(25);
      expect((await held(store)).count).toBe(25);
    },
  },
  {
    title: 'a letter that changed meanwhile is not discarded by its earlier revision',
    run: async ({ store }) => {
      const id = await store.add(deadLetter());
      const { revision } = await found(store, id);
      await store.transition(id, ['failed'], 'archived');
      expect(await store.discard(id, revision)).toBe(false);
      expect(await store.find(id)).toBeDefined();
      expect(await store.discard(id, (await found(store, id)).revision)).toBe(true);
      expect(await held(store)).toEqual({ count: 0, bytes: 0 });
    },
  },
  {
    title: 'count and bytes are the same after a restart',
    needs: 'reopen',
    run: async (bench) => {
      const letters = several(20, { body: Buffer.alloc(3_000, 5), headers: { a: 'b' } });
      await addAll(bench.store, letters);
      for (const { id } of letters.slice(0, 5)) await bench.store.discard(id);
      for (const { id } of letters.slice(5, 9)) await bench.store.transition(id, ['failed'], 'archived');
      const before = await held(bench.store);
      expect(before).toEqual({ count: 15, bytes: sizeOf(letters.slice(5)) });
      const store = await bench.reopen();
      expect(await held(store)).toEqual(before);
      await expect(store.add(deadLetter(), { maxCount: 15 })).rejects.toMatchObject(FULL);
      await expect(store.add(deadLetter(), { maxBytes: before.bytes })).rejects.toMatchObject(FULL);
    },
  },
];
