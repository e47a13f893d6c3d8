import { addAll, type DeadLetterCase, found, deadLetter, sameBytes, several } from './letters.js';

/** What lasts beyond one life of the store. */
export const keeping: readonly DeadLetterCase[] = [
  {
    title: 'letters, changes and bytes survive a restart',
    needs: 'reopen',
    run: async (bench) => {
      const body = Buffer.alloc(2 ** 20, 7);
      const [large = '', changed = '', removed = ''] = await addAll(bench.store, [
        deadLetter({ body, headers: { a: 'b' } }),
        deadLetter(),
        deadLetter(),
      ]);
      await bench.store.transition(changed, ['failed'], 'replaying');
      await bench.store.discard(removed);
      const before = [await found(bench.store, large), await found(bench.store, changed)];
      const overview = [await bench.store.stats(), await bench.store.groups({}, 10)];
      const store = await bench.reopen();
      const after = [await found(store, large), await found(store, changed)];
      const withoutBytes = (deadLetters: typeof before) => deadLetters.map(({ body: _, ...rest }) => rest);
      expect(withoutBytes(after)).toEqual(withoutBytes(before));
      expect(sameBytes(after[0]?.body ?? new Uint8Array(0), body)).toBe(true);
      expect(await store.find(removed)).toBeUndefined();
      expect([await store.stats(), await store.groups({}, 10)]).toEqual(overview);
      expect(await store.count({})).toBe(2);
    },
  },
  {
    title: 'the place of a letter that is not resolved is still taken after a restart',
    needs: 'reopen',
    run: async (bench) => {
      const [open, resolved] = [deadLetter(), deadLetter()];
      await addAll(bench.store, [open, resolved]);
      await bench.store.transition(resolved.id, ['failed'], 'resolved');
      const store = await bench.reopen();
      expect(await store.add(deadLetter({ messageId: open.messageId }))).toBe(open.id);
      const again = deadLetter({ messageId: resolved.messageId });
      expect(await store.add(again)).toBe(again.id);
    },
  },
  {
    title: 'paging continues after a restart where it was',
    needs: 'reopen',
    run: async (bench) => {
      const ids = await addAll(bench.store, several(6));
      const first = await bench.store.list({}, { limit: 3, order: 'oldest-first' });
      const store = await bench.reopen();
      const second = await store.list({}, { limit: 3, order: 'oldest-first', after: first.next ?? '' });
      expect(second.items.map(({ id }) => id)).toEqual(ids.slice(3));
    },
  },
  {
    title: 'connecting twice and closing twice does no harm',
    run: async ({ store }) => {
      await store.connect();
      const id = await store.add(deadLetter());
      expect(await store.find(id)).toBeDefined();
      await store.close();
      await store.close();
    },
  },
];
