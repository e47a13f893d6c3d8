import type {
  DeadLetterFilter,
  DeadLetterStore,
} from '../../../src/core/messaging/ports/dead-letter-store.js';
import { addAll, BEGIN, type DeadLetterCase, deadLetter, several } from './letters.js';

type Order = 'newest-first' | 'oldest-first';

/** What `list` owes. */
export const listing: readonly DeadLetterCase[] = [
  {
    title: 'an empty store has one empty page',
    run: async ({ store }) => {
      expect(await store.list({}, { limit: 10 })).toEqual({ items: [] });
      expect(await store.list({}, { limit: 10, order: 'oldest-first' })).toEqual({ items: [] });
    },
  },
  {
    title: 'pages hold every letter once, newest first unless asked otherwise',
    run: async ({ store }) => {
      const ids = await addAll(store, several(25));
      expect(await pages(store, {}, 10)).toEqual([...ids].reverse());
      expect(await pages(store, {}, 10, 'newest-first')).toEqual([...ids].reverse());
      expect(await pages(store, {}, 10, 'oldest-first')).toEqual(ids);
      expect(await pages(store, {}, 1, 'oldest-first')).toEqual(ids);
    },
  },
  {
    title: 'a page is as long as its limit, and the last one has no next',
    run: async ({ store }) => {
      await addAll(store, several(20));
      const first = await store.list({}, { limit: 10 });
      expect(first.items).toHaveLength(10);
      expect(first.next).toEqual(expect.any(String));
      const second = await store.list({}, { limit: 10, after: first.next ?? '' });
      expect(second.items).toHaveLength(10);
      expect(second).not.toHaveProperty('next');
      expect((await store.list({}, { limit: 200 })).items).toHaveLength(20);
    },
  },
  {
    title: 'an item has everything but headers and bytes',
    run: async ({ store }) => {
      const given = deadLetter({
        key: 'k',
        correlationId: 'c',
        error: { type: 'E', message: 'm', code: 'C', stack: 's' },
        headers: { secret: 'x' },
      });
      await store.add(given);
      const { headers: _headers, body, ...summary } = given;
      const [item] = (await store.list({}, { limit: 1 })).items;
      expect(item).toEqual({
        ...summary,
        status: 'failed',
        replayCount: 0,
        revision: 1,
        bodyBytes: body.length,
        updatedAt: expect.any(Number) as number,
      });
    },
  },
  {
    title: 'letters added while a client pages neither repeat nor hide others',
    run: async ({ store }) => {
      const ids = await addAll(store, several(12));
      const added: string[] = [];
      const addOne = async (): Promise<void> => void added.push(await store.add(deadLetter()));
      expect(await pages(store, {}, 5, 'newest-first', addOne)).toEqual([...ids].reverse());
      const all = [...ids, ...added];
      const seen = await pages(store, {}, 5, 'oldest-first', addOne);
      expect(seen.slice(0, all.length)).toEqual(all);
      expect(new Set(seen).size).toBe(seen.length);
    },
  },
  {
    title: 'removing the last letter of a page does not disturb the next page',
    run: async ({ store }) => {
      const ids = await addAll(store, several(6));
      const first = await store.list({}, { limit: 3, order: 'oldest-first' });
      await store.discard(ids[2] ?? '');
      const second = await store.list({}, { limit: 3, order: 'oldest-first', after: first.next ?? '' });
      expect(second.items.map(({ id }) => id)).toEqual(ids.slice(3));
    },
  },
  {
    title: 'changing letters while paging neither repeats nor skips the others',
    run: async ({ store }) => {
      const ids = await addAll(store, several(9, { topic: 't', group: 'g' }));
      const filter: DeadLetterFilter = { status: 'failed', topic: 't', group: 'g' };
      const seen: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await store.list(filter, {
          limit: 4,
          order: 'oldest-first',
          ...(after !== undefined && { after }),
        });
        for (const { id } of page.items) {
          seen.push(id);
          await store.transition(id, ['failed'], 'archived');
        }
        after = page.next;
        if (after === undefined) break;
      }
      expect(seen).toEqual(ids);
    },
  },
  {
    title: 'every field filters, alone and together',
    run: async ({ store }) => {
      const special = {
        topic: 'other.topic',
        group: 'other-group',
        handler: 'Other.handle',
        transport: 'other',
        reason: 'timeout',
        fingerprint: 'f-other',
        messageId: 'm-other',
        correlationId: 'c-other',
        key: 'k-other',
      } as const;
      await addAll(store, several(3, { correlationId: 'c', key: 'k' }));
      await addAll(store, several(2));
      const id = await store.add(
        deadLetter({ ...special, error: { type: 'OtherError', message: 'x' }, attempts: 9 }),
      );
      await store.transition(id, ['failed'], 'archived');
      const filters: DeadLetterFilter[] = [
        ...Object.entries(special).map(([field, value]) => ({ [field]: value })),
        { status: 'archived' },
        { errorType: 'OtherError' },
        { minAttempts: 9 },
        { minAttempts: 4 },
        { ...special, status: 'archived', errorType: 'OtherError', minAttempts: 9 },
        { status: 'archived', topic: special.topic, group: special.group },
      ];
      for (const filter of filters) {
        expect([filter, await pages(store, filter, 2)]).toEqual([filter, [id]]);
        expect([filter, await store.count(filter)]).toEqual([filter, 1]);
      }
      for (const none of [
        { ...special, status: 'failed' },
        { minAttempts: 10 },
        { topic: 'other' },
        { topic: 'other.topi' },
        { errorType: 'Other' },
        { key: '' },
      ] as const) {
        expect([none, await pages(store, none, 2)]).toEqual([none, []]);
        expect([none, await store.count(none)]).toEqual([none, 0]);
      }
    },
  },
  {
    title: 'from is inclusive and to is exclusive',
    run: async ({ store }) => {
      const at = BEGIN + 86_400_000;
      const ids = await addAll(
        store,
        [0, 1, 2, 3].map((ms) => deadLetter({ deadLetteredAt: at + ms })),
      );
      const oldestFirst = (filter: DeadLetterFilter): Promise<string[]> =>
        pages(store, filter, 2, 'oldest-first');
      expect(await oldestFirst({ from: at + 1, to: at + 3 })).toEqual(ids.slice(1, 3));
      expect(await oldestFirst({ from: at + 3 })).toEqual(ids.slice(3));
      expect(await oldestFirst({ to: at + 1 })).toEqual(ids.slice(0, 1));
      expect(await oldestFirst({ from: at + 2, to: at + 2 })).toEqual([]);
      expect(await store.count({ from: at + 1, to: at + 3 })).toBe(2);
    },
  },
];

/** Ids of all pages; `between` runs after each. */
async function pages(
  store: DeadLetterStore,
  filter: DeadLetterFilter,
  ...[limit, order, between]: [limit: number, order?: Order, between?: () => Promise<void>]
): Promise<string[]> {
  const ids: string[] = [];
  let added = 0;
  for (let after: string | undefined; ;) {
    const page = await store.list(filter, {
      limit,
      ...(order && { order }),
      ...(after !== undefined && { after }),
    });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    ids.push(...page.items.map(({ id }) => id));
    // Oldest first meets what is added meanwhile, so that adding must end for the pages to end.
    if (added++ < 3) await between?.();
    after = page.next;
    if (after === undefined) return ids;
  }
}
