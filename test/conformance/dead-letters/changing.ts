import { addAll, type DeadLetterCase, found, deadLetter, several } from './letters.js';

/** What `transition` and `remove` owe. */
export const changing: readonly DeadLetterCase[] = [
  {
    title: 'the status changes from one of the given ones only',
    run: async ({ store }) => {
      const id = await store.add(deadLetter());
      expect(await store.transition(id, ['archived', 'replayed'], 'resolved')).toBeUndefined();
      expect(await store.transition(id, [], 'resolved')).toBeUndefined();
      expect(await found(store, id)).toMatchObject({ status: 'failed', revision: 1 });
      expect(await store.transition(id, ['replayed', 'failed'], 'archived')).toMatchObject({
        status: 'archived',
      });
      expect(await found(store, id)).toMatchObject({ status: 'archived', revision: 2 });
    },
  },
  {
    title: 'a letter that does not exist does not change',
    run: async ({ store }) => {
      expect(await store.transition('nobody', ['failed'], 'replaying')).toBeUndefined();
      expect(await store.discard('nobody')).toBe(false);
      expect(await store.count({})).toBe(0);
    },
  },
  {
    title: 'a transition returns the letter as it is then, and leaves the rest alone',
    run: async ({ store, clock, pass }) => {
      const given = deadLetter({ key: 'k', headers: { a: 'b' } });
      const id = await store.add(given);
      await pass(500);
      const changed = await store.transition(id, ['failed'], 'replaying');
      const { body: _body, headers: _headers, ...summary } = given;
      expect(changed).toEqual({
        ...summary,
        status: 'replaying',
        replayCount: 1,
        revision: 2,
        bodyBytes: given.body.length,
        updatedAt: clock.now(),
      });
      expect(await found(store, id)).toMatchObject({ ...changed, headers: { a: 'b' } });
    },
  },
  {
    title: 'only a change to replaying raises the replay count, every change the revision',
    run: async ({ store }) => {
      const id = await store.add(deadLetter());
      const seen: unknown[] = [];
      for (const [from, to] of [
        ['failed', 'replaying'],
        ['replaying', 'failed'],
        ['failed', 'replaying'],
        ['replaying', 'replayed'],
        ['replayed', 'resolved'],
      ] as const) {
        const changed = await store.transition(id, [from], to);
        seen.push([changed?.replayCount, changed?.revision]);
      }
      expect(seen).toEqual([
        [1, 2],
        [1, 3],
        [2, 4],
        [2, 5],
        [2, 6],
      ]);
    },
  },
  {
    title: 'exactly one of concurrent transitions wins',
    run: async ({ store }) => {
      for (const id of await addAll(store, several(5))) {
        const all = await Promise.all(
          Array.from({ length: 10 }, () => store.transition(id, ['failed'], 'replaying')),
        );
        expect(all.filter((one) => one !== undefined)).toHaveLength(1);
        expect(await found(store, id)).toMatchObject({ status: 'replaying', replayCount: 1, revision: 2 });
      }
    },
  },
  {
    title: 'of a transition and a removal at once nothing is left behind',
    run: async ({ store }) => {
      const ids = await addAll(store, several(10));
      const removed = await Promise.all(
        ids.map(async (id) => {
          const [, gone] = await Promise.all([
            store.transition(id, ['failed'], 'replaying'),
            store.discard(id),
          ]);
          return gone;
        }),
      );
      expect(removed).toEqual(ids.map(() => true));
      expect(await store.count({})).toBe(0);
      expect(await store.stats()).toEqual([]);
      expect((await store.list({}, { limit: 200 })).items).toEqual([]);
    },
  },
];
