import { ManualClock } from '../../../exports/testing.js';
import { deadLetter } from '../../../../test/conformance/dead-letters/letters.js';
import { storedBytesOf } from '../../../core/messaging/ports/dead-letter-filter.js';
import { MemoryDeadLetterStore } from './memory-dead-letter.store.js';
import { MemoryIdempotencyStore } from './memory-idempotency.store.js';

/** What the conformance suites cannot know: the bounds of these stores. */
describe('the memory dead letter store', () => {
  it('refuses a letter beyond its bound, keeps what it has, and takes more once there is room', async () => {
    const store = new MemoryDeadLetterStore({ maxLetters: 2 });
    const [first, second, third] = [deadLetter(), deadLetter(), deadLetter()];
    await store.add(first);
    await store.add(second);
    await expect(store.add(third)).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(await store.count({})).toBe(2);
    expect(await store.find(third.id)).toBeUndefined();
    await store.discard(first.id);
    expect(await store.add(third)).toBe(third.id);
  });

  it('refuses bytes beyond its bound, counting what it has', async () => {
    const size = storedBytesOf(deadLetter());
    const first = deadLetter({ body: Buffer.alloc(size) });
    const store = new MemoryDeadLetterStore({ maxBytes: 2.5 * size });
    await store.add(first);
    await expect(store.add(deadLetter())).rejects.toMatchObject({ code: 'STORE_FULL' });
    await store.add(deadLetter({ messageId: first.messageId, body: Buffer.alloc(10) }));
    const second = deadLetter({ body: Buffer.alloc(10) });
    await store.add(second);
    const { bytes } = await store.usage();
    await expect(store.add(deadLetter())).rejects.toThrow(`2 dead letters with ${bytes} bytes`);
    await store.discard(first.id);
    await store.add(deadLetter());
  });

  it('pages through a hundred thousand letters without looking at all of them each time', async () => {
    const store = new MemoryDeadLetterStore();
    const one = deadLetter();
    for (let nth = 0; nth < 100_000; nth++)
      await store.add({ ...one, id: `id-${String(nth).padStart(6, '0')}`, messageId: `m-${nth}` });
    const seen = new Set<string>();
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await store.list({ status: 'failed' }, { limit: 100, order: 'oldest-first', after });
      for (const { id } of page.items) seen.add(id);
      after = page.next;
    }
    expect(seen.size).toBe(100_000);
  });

  it('takes the new failure of a letter that it has although it is full', async () => {
    const store = new MemoryDeadLetterStore({ maxLetters: 1 });
    const first = deadLetter();
    await store.add(first);
    expect(await store.add(deadLetter({ messageId: first.messageId, attempts: 9 }))).toBe(first.id);
    expect(await store.find(first.id)).toMatchObject({ attempts: 9 });
  });
});

describe('the memory idempotency store', () => {
  it('refuses a claim beyond its bound, and takes it once an entry has expired', async () => {
    const clock = new ManualClock();
    const store = new MemoryIdempotencyStore({ clock, maxKeys: 2 });
    await store.begin('a', 100);
    await store.begin('b', 1_000);
    await expect(store.begin('c', 100)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect((await store.begin('a', 100)).kind).toBe('busy');
    await clock.advance(101);
    expect((await store.begin('c', 100)).kind).toBe('fresh');
    expect((await store.begin('b', 100)).kind).toBe('busy');
  });

  it('finds room among many entries that have not expired', async () => {
    const clock = new ManualClock();
    const store = new MemoryIdempotencyStore({ clock, maxKeys: 10_001 });
    for (let nth = 0; nth < 10_000; nth++) await store.begin(`live-${nth}`, 1_000_000);
    await store.begin('expires', 100);
    await clock.advance(2_000);
    expect((await store.begin('new', 100)).kind).toBe('fresh');
  });

  it('forgets expired entries that are not claimed again', async () => {
    const clock = new ManualClock();
    const store = new MemoryIdempotencyStore({ clock, maxKeys: 100 });
    for (let nth = 0; nth < 10_000; nth++) {
      const claim = await store.begin(`key-${nth}`, 10);
      expect(claim.kind).toBe('fresh');
      if (claim.kind === 'fresh') await store.complete(`key-${nth}`, claim.token, 20);
      if (nth % 20 === 19) await clock.advance(21);
    }
  });
});
