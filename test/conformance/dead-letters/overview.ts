import { addAll, BEGIN, type DeadLetterCase, deadLetter, several } from './letters.js';

/** What `count`, `groups` and `stats` owe. */
export const overview: readonly DeadLetterCase[] = [
  {
    title: 'counts follow every change',
    run: async ({ store }) => {
      const ids = await addAll(store, several(4, { topic: 'a', group: 'g' }));
      await addAll(store, several(2, { topic: 'b', group: 'g' }));
      await store.transition(ids[0] ?? '', ['failed'], 'archived');
      await store.discard(ids[1] ?? '');
      expect(await store.count({})).toBe(5);
      expect(await store.count({ status: 'failed' })).toBe(4);
      expect(await store.count({ topic: 'a' })).toBe(3);
      expect(await store.count({ status: 'failed', topic: 'a', group: 'g' })).toBe(2);
      expect(await store.count({ status: 'archived' })).toBe(1);
      expect(await store.count({ status: 'resolved' })).toBe(0);
    },
  },
  {
    title: 'stats report count and oldest of every topic, group and status that has letters',
    run: async ({ store }) => {
      const at = BEGIN + 1_000_000;
      const place = { topic: 'a', group: 'g' };
      const ids = await addAll(
        store,
        [1, 2, 3].map((ms) => deadLetter({ ...place, deadLetteredAt: at + ms })),
      );
      await store.add(deadLetter({ topic: 'b', group: 'g', deadLetteredAt: at + 9 }));
      const stock = async () =>
        [...(await store.stats())].sort((a, b) =>
          `${a.topic}${a.status}`.localeCompare(`${b.topic}${b.status}`),
        );
      const b = { topic: 'b', group: 'g', status: 'failed', count: 1, oldestAt: at + 9 };
      expect(await stock()).toEqual([{ ...place, status: 'failed', count: 3, oldestAt: at + 1 }, b]);
      await store.transition(ids[0] ?? '', ['failed'], 'archived');
      expect(await stock()).toEqual([
        { ...place, status: 'archived', count: 1, oldestAt: at + 1 },
        { ...place, status: 'failed', count: 2, oldestAt: at + 2 },
        b,
      ]);
      for (const id of ids) await store.discard(id);
      expect(await stock()).toEqual([b]);
    },
  },
  {
    title: 'a letter that failed again does not hide how old the others are',
    run: async ({ store }) => {
      const [first, second] = [deadLetter(), deadLetter()];
      await addAll(store, [first, second]);
      await store.transition(first.id, ['failed'], 'replaying');
      const again = deadLetter({ messageId: first.messageId });
      await store.add(again);
      expect(await store.stats()).toMatchObject([{ count: 2, oldestAt: second.deadLetteredAt }]);
      await store.discard(second.id);
      expect(await store.stats()).toMatchObject([{ count: 1, oldestAt: again.deadLetteredAt }]);
    },
  },
  {
    title: 'groups gather what failed in the same way, largest first',
    run: async ({ store }) => {
      const at = BEGIN + 2_000_000;
      const often = await addAll(
        store,
        [1, 2, 3, 4, 5, 6, 7].map((ms) =>
          deadLetter({
            fingerprint: 'often',
            deadLetteredAt: at + ms,
            error: { type: 'RangeError', message: `message ${ms}` },
          }),
        ),
      );
      await addAll(store, several(2, { fingerprint: 'twice' }));
      const rare = await store.add(deadLetter({ fingerprint: 'rare', topic: 'other' }));
      const groups = await store.groups({}, 10);
      expect(groups.map(({ fingerprint, count }) => [fingerprint, count])).toEqual([
        ['often', 7],
        ['twice', 2],
        ['rare', 1],
      ]);
      expect(groups[0]).toEqual({
        fingerprint: 'often',
        topic: 'orders.placed',
        group: 'billing',
        handler: 'Billing.charge',
        reason: 'handler_error',
        errorType: 'RangeError',
        errorMessage: 'message 7',
        count: 7,
        firstAt: at + 1,
        lastAt: at + 7,
        sampleIds: often.slice(-5).reverse(),
      });
      expect((await store.groups({}, 2)).map(({ fingerprint }) => fingerprint)).toEqual(['often', 'twice']);
      expect(await store.groups({ topic: 'other' }, 10)).toMatchObject([
        { fingerprint: 'rare', sampleIds: [rare] },
      ]);
      expect(await store.groups({ topic: 'nothing' }, 10)).toEqual([]);
    },
  },
  {
    title: 'an overwritten letter counts with its new failure only',
    run: async ({ store }) => {
      const first = deadLetter({ topic: 'a', group: 'g', fingerprint: 'old' });
      const id = await store.add(first);
      await store.transition(id, ['failed'], 'replaying');
      const second = deadLetter({ topic: 'a', group: 'g', fingerprint: 'new', messageId: first.messageId });
      await store.add(second);
      expect(await store.groups({}, 10)).toMatchObject([{ fingerprint: 'new', count: 1 }]);
      expect(await store.count({ fingerprint: 'old' })).toBe(0);
      expect(await store.stats()).toEqual([
        { topic: 'a', group: 'g', status: 'failed', count: 1, oldestAt: second.deadLetteredAt },
      ]);
    },
  },
];
